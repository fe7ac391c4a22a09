import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { pythonPath } from "./python.js";

/** Starts moto's S3 server, to which this process's S3 client then turns. */
export async function startS3(): Promise<{ close: () => void }> {
  const code = [
    "import logging, sys",
    "from moto.server import ThreadedMotoServer",
    "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False)",
    "logging.getLogger('werkzeug').setLevel(logging.ERROR)",
    "server.start()",
    "print(server.get_host_and_port()[1], flush=True)",
    "sys.stdin.read()",
  ];
  const child = spawn(pythonPath, ["-c", code.join("\n")], { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = await createInterface(child.stdout)
    [Symbol.asyncIterator]()
    .next()
    .then(({ value }) => [value]);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: "AKIATESTKEY",
    AWS_SECRET_ACCESS_KEY: "s3cr3t-of-the-test",
    AWS_REGION: "eu-central-1",
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true",
  });
  return { close: () => void child.kill() };
}
