// A thread beside the kernel's main one. It keeps the control and the heartbeat channel, so that interrupt, restart and
// shutdown work while the main thread is busy, and it ends the process when whoever started it is gone.
import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";
import { processExists } from "../system/process-exists.js";
import { buildMessage, type Connection, type Message, parseMessage } from "./message.js";
import { loadZeromq, type Socket } from "./tslab.js";

/** What the main thread shares with the control thread, in an Int32Array. */
export const SHARED = { state: 0, answered: 1, patient: 2, forced: 3 } as const;

/** States of the main thread: only user code is ended by force. */
export const STATE = { idle: 0, running: 1 } as const;

/** What goes from the control thread to the main one. */
export type ControlEvent = { frames: Uint8Array[] } | { interrupt: number };

/** What the control thread is started with. */
export interface ControlData {
  connection: Connection;
  shared: Int32Array;
  parent: number;
}

const ANSWER_MS = 400;
/** Code that is still running so long after it was ended by force wasn't ended. */
const AGAIN_MS = 2000;
/** A training step in progress is waited for this long: ending it by force could leave a broken state. */
const STEP_MS = 3000;
const SHUTDOWN_MS = 1500;

async function serve(data: ControlData, port: NonNullable<typeof parentPort>): Promise<void> {
  const { connection, shared } = data;
  const zeromq = loadZeromq();
  const heartbeat = new zeromq.Reply();
  const control = new zeromq.Router({ linger: 500 });
  const address = (number: number): string => `${connection.transport}://${connection.ip}:${number}`;
  await Promise.all([heartbeat.bind(address(connection.hb_port)), control.bind(address(connection.control_port))]);
  port.postMessage("ready");
  port.on("message", (frames: (string | Uint8Array)[]) => void control.send(frames.map(toBuffer)));
  void echo(heartbeat);
  let interrupts = 0;

  for await (const frames of control) {
    const message = parseMessage(connection.key, frames);
    if (message?.header.msg_type === "interrupt_request") {
      await control.send(reply(connection, message, "interrupt_reply"));
      interrupt();
    } else {
      port.postMessage({ frames });
      if (message?.header.msg_type === "shutdown_request") setTimeout(endProcess, SHUTDOWN_MS);
    }
  }

  /** As Ctrl+C; and when the main thread gives no answer because user code keeps it busy, that code is ended. */
  function interrupt(): void {
    const count = ++interrupts;
    const start = performance.now();
    port.postMessage({ interrupt: count });
    let forced = -Infinity;
    const check = setInterval(() => {
      if (Atomics.load(shared, SHARED.answered) >= count) return clearInterval(check);
      // A type check is waited for; what it was for is ended then.
      if (Atomics.load(shared, SHARED.state) !== STATE.running) return;
      if (Atomics.load(shared, SHARED.patient) === 1 && performance.now() - start < STEP_MS) return;
      // Where native code had called back, ending that may have been all: then once more.
      if (performance.now() - forced < AGAIN_MS) return;
      forced = performance.now();
      Atomics.store(shared, SHARED.forced, 1);
      const session = new Session();
      session.connectToMainThread();
      session.post("Runtime.terminateExecution", () => session.disconnect());
    }, ANSWER_MS);
  }
}

async function echo(heartbeat: Socket): Promise<void> {
  for await (const frames of heartbeat) await heartbeat.send(frames);
}

function reply(connection: Connection, message: Message, type: string): (string | Buffer)[] {
  return buildMessage(connection, type, { status: "ok" }, message, message.identities);
}

function toBuffer(frame: string | Uint8Array): string | Buffer {
  return typeof frame === "string" ? frame : Buffer.from(frame);
}

/** Ends the process when its parent is gone: nothing else would end it. */
function watchParent(parent: number): void {
  // Jupyter names itself (on Windows by a handle): it may be gone before this process could see who its parent was.
  const named = process.platform === "win32" ? parent : Number(process.env.JPY_PARENT_PID) || parent;
  setInterval(() => {
    if (process.ppid !== parent || !processExists(named)) endProcess();
  }, 1000);
}

/** Ends the kernel and what it started: Jupyter makes a kernel the leader of its own process group. */
export function endProcess(): never {
  try {
    process.kill(-process.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH" && process.platform !== "win32") throw error;
  }
  process.kill(process.pid, "SIGKILL");
  throw new Error("the process could not end itself");
}

if (parentPort && (workerData as ControlData | null)?.connection) {
  watchParent((workerData as ControlData).parent);
  void serve(workerData as ControlData, parentPort);
}
