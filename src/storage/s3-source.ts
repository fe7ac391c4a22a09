import type * as S3 from "@aws-sdk/client-s3";
import { DatasetError } from "../core/error.js";
import { type Answer, type ByteSource, Refusal } from "./byte-source.js";
import { sizeInRange } from "./http-source.js";

/** An object's bucket and key. */
export function s3Place(address: string): { Bucket: string; Key: string } {
  const [, Bucket, key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(address)!;
  return { Bucket: Bucket!, Key: decodeURIComponent(key!) };
}

/** An object of S3, or of a server that speaks its language (`AWS_ENDPOINT_URL`). */
export function s3Source(address: string): ByteSource {
  return {
    get: async (range, signal): Promise<Answer> => {
      const { client, sdk } = s3Client();
      const Range = range && `bytes=${range.from}-${range.to - 1}`;
      try {
        const got = await client.send(new sdk.GetObjectCommand({ ...s3Place(address), ...(Range && { Range }) }), {
          abortSignal: signal,
        });
        const size = sizeInRange(got.ContentRange);
        return {
          ranged: got.ContentRange !== undefined,
          size: size === undefined ? got.ContentLength : Number(size),
          version: got.ETag,
          body: got.Body as unknown as AsyncIterable<Uint8Array>,
        };
      } catch (error) {
        throw s3Refusal(error);
      }
    },
  };
}

let made: { client: S3.S3Client; sdk: typeof S3 } | undefined;

/**
 * Amazon's client, with region and credentials from where its tools look for them: variables, `~/.aws`, the machine's role.
 * @throws DatasetError "ENVIRONMENT" where it isn't installed
 */
export function s3Client(): { client: S3.S3Client; sdk: typeof S3 } {
  if (made) return made;
  const sdk = optional<typeof S3>("@aws-sdk/client-s3");
  // Servers other than Amazon's have no host for each bucket. Broken answers are asked for again by whoever reads them.
  const own = process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL;
  const client = new sdk.S3Client({ ...(own ? { forcePathStyle: true } : {}), maxAttempts: 1 });
  made = { client, sdk };
  return made;
}

/**
 * Loads a package that not everybody needs.
 * @throws DatasetError "ENVIRONMENT" where it isn't installed
 */
export function optional<T>(name: string): T {
  try {
    return require(name) as T;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw cause;
    const fix = "npm install @aws-sdk/client-s3 @aws-sdk/lib-storage";
    throw new DatasetError("ENVIRONMENT", `${name}: not installed, expected for s3:// addresses; ${fix}`, [], {
      cause,
    });
  }
}

/** What the client reports, by its status. No message of it holds a key. */
export function s3Refusal(error: unknown): unknown {
  if (error instanceof DatasetError) return error;
  const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
  if (name === "CredentialsProviderError" || message === "Region is missing") {
    const fix = "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or run aws configure";
    return new DatasetError(
      "ENVIRONMENT",
      `S3: ${name === "Error" ? "no region" : "no credentials"}, expected them where AWS's tools look; ${fix}`,
    );
  }
  return new Refusal($metadata?.httpStatusCode ?? 0, name, error);
}
