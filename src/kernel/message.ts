import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";

const DELIMITER = Buffer.from("<IDS|MSG>");

/** The connection file that Jupyter hands to a kernel. */
export interface Connection {
  transport: string;
  ip: string;
  key: string;
  shell_port: number;
  iopub_port: number;
  stdin_port: number;
  control_port: number;
  hb_port: number;
  /** New for each kernel process: it shows front ends what was sent before a restart. */
  session: string;
}

/** The header of a Jupyter message. */
export interface Header {
  msg_id: string;
  msg_type: string;
  session: string;
  username: string;
  date: string;
  version: string;
}

/** A message from a front end. */
export interface Message {
  identities: Buffer[];
  header: Header;
  // biome-ignore lint/suspicious/noExplicitAny: its shape depends on the message's type
  content: any;
}

/** Reads a message from its frames; undefined when its signature is not right. */
export function parseMessage(key: string, frames: Buffer[]): Message | undefined {
  const start = frames.findIndex((frame) => frame.equals(DELIMITER));
  const [signature, ...parts] = frames.slice(start + 1);
  if (start < 0 || !signature || parts.length < 4) return undefined;
  const right = Buffer.from(sign(key, parts));
  if (key && !(right.length === signature.length && timingSafeEqual(right, signature))) return undefined;
  const [header, , , content] = parts.map((part, i) => (i < 4 ? JSON.parse(part.toString()) : undefined));
  return { identities: frames.slice(0, start), header, content };
}

/** The frames of a message that belongs to `parent`. */
export function buildMessage(
  { key, session }: Connection,
  type: string,
  content: object,
  parent: Message | undefined,
  identities: Buffer[],
): (string | Buffer)[] {
  const header: Header = {
    msg_id: randomUUID(),
    msg_type: type,
    session,
    username: "kernel",
    date: new Date().toISOString(),
    version: "5.3",
  };
  const parts = [header, parent?.header ?? {}, {}, content].map((part) => JSON.stringify(part));
  return [...identities, DELIMITER, sign(key, parts), ...parts];
}

function sign(key: string, parts: (string | Buffer)[]): string {
  if (!key) return "";
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}
