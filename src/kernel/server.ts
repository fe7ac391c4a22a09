import { Worker } from "node:worker_threads";
import { join } from "node:path";
import { type ControlData, type ControlEvent, SHARED } from "./control.js";
import { buildMessage, type Connection, type Message, parseMessage } from "./message.js";
import { createPacer, TextStream } from "./stream.js";
import { loadZeromq, type Socket } from "./tslab.js";

/** Answers one request; it returns the content of the reply. */
export type Handler = (message: Message) => object | Promise<object> | undefined;

/** The kernel's channels. */
export interface Server {
  /** Publishes to every front end, as output of the request `parent`. */
  publish(type: string, content: object, parent?: Message): void;
  /** Text output. */
  text: TextStream;
  /** Asks the front end that sent `parent` for a line; the answer goes to `onInput`. */
  askInput(prompt: string, parent: Message): void;
  /** Answers requests, also those that wait already, by the handler of their type (`execute` for `execute_request`). */
  listen(handlers: Record<string, Handler>): void;
}

/**
 * Opens the channels.
 *
 * Jupyter chose ports that were free then. The sooner they are bound, the less likely another program has one by now.
 */
export async function openServer(
  connection: Connection,
  shared: Int32Array,
  onInterrupt: () => void,
  onInput: (line: string) => void,
): Promise<Server> {
  const zeromq = loadZeromq();
  const address = (port: number): string => `${connection.transport}://${connection.ip}:${port}`;
  // zeromq.js takes 512 sends in one turn of the event loop and drops the rest, and ZeroMQ drops beyond 1,000 waiting.
  const iopub = new zeromq.Publisher({ sendTimeout: 0, sendHighWaterMark: 0, linger: 500 });
  const shell = new zeromq.Router({ sendHighWaterMark: 0, linger: 500 });
  const stdin = new zeromq.Router();
  const pace = createPacer();
  const unanswered = new Set<Message>();
  let setHandlers!: (handlers: Record<string, Handler>) => void;
  const awaitedHandlers = new Promise<Record<string, Handler>>((resolve) => (setHandlers = resolve));

  const send = (type: string, content: object, parent: Message | undefined): void => {
    const frames = buildMessage(connection, type, content, parent, [Buffer.from(`kernel.${type}`)]);
    if (type !== "status" && type !== "execute_input") pace(frames.reduce((sum, frame) => sum + frame.length, 0));
    void iopub.send(frames);
  };
  const text = new TextStream((name, piece, parent) => send("stream", { name, text: piece }, parent));
  const publish: Server["publish"] = (type, content, parent) => {
    text.flush();
    send(type, content, parent);
  };

  const answer = async (frames: Buffer[], respond: (frames: (string | Buffer)[]) => unknown): Promise<void> => {
    const message = parseMessage(connection.key, frames);
    if (!message) return;
    const handlers = await awaitedHandlers;
    const type = message.header.msg_type.replace(/_request$/, "");
    publish("status", { execution_state: "busy" }, message);
    unanswered.add(message);
    try {
      const content = await handlers[type]?.(message);
      if (content) respond(buildMessage(connection, `${type}_reply`, content, message, message.identities));
    } finally {
      publish("status", { execution_state: "idle" }, message);
      unanswered.delete(message);
      // A completion that was answered while a cell runs must not make the kernel look idle.
      const [running] = unanswered;
      if (running) publish("status", { execution_state: "busy" }, running);
    }
  };

  await Promise.all([
    iopub.bind(address(connection.iopub_port)),
    shell.bind(address(connection.shell_port)),
    stdin.bind(address(connection.stdin_port)),
    openControl(connection, shared, answer, onInterrupt),
  ]);
  void listen(stdin, async (frames) => {
    const message = parseMessage(connection.key, frames);
    if (message?.header.msg_type === "input_reply") onInput(String(message.content.value));
  });
  return {
    publish,
    text,
    askInput: (prompt, parent) => {
      text.flush();
      const content = { prompt, password: false };
      void stdin.send(buildMessage(connection, "input_request", content, parent, parent.identities));
    },
    listen: (handlers) => {
      setHandlers(handlers);
      void listen(shell, (frames) => answer(frames, (reply) => shell.send(reply)));
    },
  };
}

async function listen(socket: Socket, answer: (frames: Buffer[]) => Promise<void>): Promise<void> {
  for await (const frames of socket) void answer(frames);
}

/** Starts the control thread; its requests other than interrupts are answered here. */
function openControl(
  connection: Connection,
  shared: Int32Array,
  answer: (frames: Buffer[], respond: (frames: (string | Buffer)[]) => unknown) => Promise<void>,
  onInterrupt: () => void,
): Promise<void> {
  const workerData: ControlData = { connection, shared, parent: process.ppid };
  const worker = new Worker(join(__dirname, "control.js"), { workerData, execArgv: [], stdout: false, stderr: false });
  return new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("message", (event: ControlEvent | "ready") => {
      if (event === "ready") resolve();
      else if ("interrupt" in event) {
        Atomics.store(shared, SHARED.answered, event.interrupt);
        onInterrupt();
      } else
        void answer(
          event.frames.map((frame) => Buffer.from(frame)),
          (reply) => worker.postMessage(reply),
        );
    });
  });
}
