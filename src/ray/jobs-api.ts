import http, { type RequestOptions } from "node:http";
import https from "node:https";
import { stripVTControlCharacters } from "node:util";
import { DatasetError } from "../core/error.js";
import { checkKnown } from "../core/known-options.js";

/** A Ray cluster, and where things lie on its machines. */
export interface RayOptions {
  /** Of the head's dashboard: `http://head:8265`. */
  address: string;
  /** What the cluster was started with as `RAY_AUTH_TOKEN`. It is sent to `address`, and written nowhere. Default: none. */
  token?: string | undefined;
  /** The dataset's folder on the cluster's machines. Default: the same path as here. */
  directory?: string;
  /** This library's folder on the cluster's machines, built. Default: the same path as here. */
  package?: string;
  /** The Python of the head that has Ray. Default `python3`. */
  python?: string;
}

/** @throws DatasetError "OPTION"; its message never has the token */
export function checkRay(ray: RayOptions): void {
  const names = { address: true, token: true, directory: true, package: true, python: true } as const;
  checkKnown<RayOptions>("ray", ray, names);
  const { address, token } = ray;
  const url = typeof address === "string" && URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    const given = url?.password ? "one with a password" : JSON.stringify(address);
    throw new DatasetError("OPTION", `ray.address: ${given}, expected the dashboard's, as http://head:8265`);
  }
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new DatasetError("OPTION", "ray.token: spaces, line ends or other characters, expected printable ASCII");
}

/** What the Jobs API says of a job. */
export interface Job {
  status: "PENDING" | "RUNNING" | "STOPPED" | "SUCCEEDED" | "FAILED";
  message: string;
  metadata?: Record<string, string>;
}

/** Whether a job has come to an end, whichever. */
export function isOver({ status }: Job): boolean {
  return status !== "PENDING" && status !== "RUNNING";
}

/** Ray's Jobs API: https://docs.ray.io/en/latest/cluster/running-applications/job-submission/rest.html */
export class JobsApi {
  constructor(private readonly ray: RayOptions) {
    checkRay(ray);
  }

  /** The job of this id, if there is one. */
  async find(id: string): Promise<Job | undefined> {
    const { status, text } = await this.call("GET", id);
    return status === 404 ? undefined : (JSON.parse(text) as Job);
  }

  async submit(id: string, entrypoint: string, metadata: Record<string, string>): Promise<void> {
    await this.call("POST", "", { submission_id: id, entrypoint, metadata });
  }

  async stop(id: string): Promise<void> {
    await this.call("POST", `${id}/stop`);
  }

  /** The last lines of what a job printed. */
  async lastLines(id: string, lines: number): Promise<string> {
    const { logs } = JSON.parse((await this.call("GET", `${id}/logs`)).text) as { logs: string };
    const plain = stripVTControlCharacters(logs).trimEnd();
    return this.withoutToken(plain.split("\n").slice(-lines).join("\n"));
  }

  private async call(method: string, path: string, body?: object): Promise<Answer> {
    const { address, token } = this.ray;
    const headers: Record<string, string> = { "Content-Type": "application/json" };
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    const url = new URL(`api/jobs/${path}`, address.endsWith("/") ? address : `${address}/`);
    let answer: Answer;
    try {
      answer = await send(url, { method, headers, timeout: TIMEOUT_MS }, body && JSON.stringify(body));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const why = this.withoutToken(message || code || "no answer");
      throw new DatasetError("ENVIRONMENT", `Ray at ${address}: ${why}, expected its dashboard; is the cluster up?`);
    }
    const { status, text } = answer;
    if ((status >= 200 && status < 300) || (status === 404 && method === "GET")) return answer;
    const said = this.withoutToken(text.trim().split("\n").at(-1)!);
    const hint = status === 401 || status === 403 ? "; pass the cluster's token: ray: { token }" : "";
    const what = `${method} ${url.pathname} answered ${status} ${said}`;
    throw new DatasetError("ENVIRONMENT", `Ray at ${address}: ${what}, expected success${hint}`);
  }

  private withoutToken(text: string): string {
    return this.ray.token === undefined ? text : text.replaceAll(this.ray.token, "(token)");
  }
}

interface Answer {
  status: number;
  text: string;
}

const TIMEOUT_MS = 60_000;

/** Not by `fetch`, whose headers are a browser's: Ray lets no page of a browser submit jobs. A redirect isn't followed, nor is the token. */
function send(url: URL, options: RequestOptions, body: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === "https:" ? https : http).request(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (data: string) => (text += data));
      response.once("end", () => resolve({ status: response.statusCode!, text }));
      response.once("error", reject);
    });
    sent.once("timeout", () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    sent.once("error", reject);
    sent.end(body);
  });
}
