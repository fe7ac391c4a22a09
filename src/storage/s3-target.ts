import type * as S3 from "@aws-sdk/client-s3";
import type { Upload as Uploads } from "@aws-sdk/lib-storage";
import { createReadStream } from "node:fs";
import { DatasetError } from "../core/error.js";
import { fileAddress } from "./byte-source.js";
import { answered, patiently } from "./read-source.js";
import { optional, s3Client, s3Place, s3Refusal } from "./s3-source.js";

/** When a file may be written: where there is none, where it is still of this version, or in any case. */
export type Condition = "absent" | { version: string } | "any";

/** What is known of a file in a bucket. */
export interface Stored {
  version: string;
  /** As `put` was told. */
  sha256: string | undefined;
}

/** A folder of a bucket, to write to. */
export interface S3Target {
  /** Undefined where there is no such file. */
  look(file: string): Promise<Stored | undefined>;
  /**
   * Uploads a file in parts, each with its checksum; it is there whole or not at all.
   * @returns false where the condition doesn't hold
   */
  put(file: string, path: string, sha256: string, condition: Condition): Promise<boolean>;
}

/**
 * The folder at an address.
 * @throws DatasetError "OPTION" for an address other than `s3://bucket/folder`, "ENVIRONMENT" where Amazon's client isn't installed
 */
export function s3Target(address: string): S3Target {
  if (!/^s3:\/\/[^/]+\/./.test(address)) {
    throw new DatasetError("OPTION", `to: ${address}, expected s3://bucket/folder`);
  }
  const { client, sdk } = s3Client();
  const { Upload } = optional<{ Upload: typeof Uploads }>("@aws-sdk/lib-storage");
  const look = async (file: string): Promise<Stored | undefined> => {
    const at = fileAddress(address, file);
    try {
      return await patiently(at, async (abortSignal) => {
        const found = await send(client.send(new sdk.HeadObjectCommand(s3Place(at)), { abortSignal }));
        return { version: found.ETag!, sha256: found.Metadata?.sha256 };
      });
    } catch (error) {
      if (answered(error, 404)) return undefined;
      throw error;
    }
  };
  const put = async (file: string, path: string, sha256: string, condition: Condition): Promise<boolean> => {
    const at = fileAddress(address, file);
    try {
      await patiently(at, async (signal, alive) => {
        const params: S3.PutObjectCommandInput = {
          ...s3Place(at),
          Body: createReadStream(path),
          ChecksumAlgorithm: "SHA256",
          Metadata: { sha256 },
          ...(condition === "absent"
            ? { IfNoneMatch: "*" }
            : condition === "any"
              ? {}
              : { IfMatch: condition.version }),
        };
        const upload = new Upload({ client, params, partSize: 16 * 2 ** 20 });
        upload.on("httpUploadProgress", alive);
        signal.addEventListener("abort", () => void upload.abort());
        await send(upload.done());
      });
      return true;
    } catch (error) {
      // Of two that write at the same time, one is told that the other is faster.
      if (answered(error, 412) || answered(error, 409)) return false;
      throw error;
    }
  };
  return { look, put };
}

async function send<T>(sending: Promise<T>): Promise<T> {
  try {
    return await sending;
  } catch (error) {
    throw s3Refusal(error);
  }
}
