/** How long requests that wait behind a failed cell are gathered before they are answered as not run. */
const GATHER_MS = 50;

/** Runs cells one after the other; those that were queued before an earlier one failed are refused. */
export interface CellQueue<M, R> {
  add(message: M): Promise<R>;
}

/**
 * A queue over `run`. `failed` says whether a reply ends what is queued behind it; `refuse` answers a cell that isn't run.
 */
export function createCellQueue<M, R>(
  run: (message: M) => Promise<R>,
  failed: (message: M, reply: R) => boolean,
  refuse: (message: M) => R,
): CellQueue<M, R> {
  let queue: Promise<unknown> = Promise.resolve();
  let failures = 0;
  return {
    add: (message) => {
      const before = failures;
      const turn = queue.then(async () => {
        if (failures !== before) return refuse(message);
        const reply = await run(message);
        if (failed(message, reply)) {
          // What was sent before the front end could know of the failure is read now and not run.
          await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
          failures++;
        }
        return reply;
      });
      queue = turn.catch(() => {});
      return turn;
    },
  };
}
