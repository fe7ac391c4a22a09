import { DatasetError } from "../core/error.js";
import { interruptCount } from "../system/interrupts.js";
import type { Epochs } from "./epochs.js";
import type { Place } from "./load-state.js";
import type { RawBatch, ReadAhead } from "./read-ahead.js";

/** What the iterators of one dataset share. */
export interface Cursor {
  /** What the next new iterator begins with. */
  next: Place;
  /** Where the one read last is. */
  now: Place;
  /** Examples of the batch that was given last. */
  examples?: Uint32Array;
  /** The epoch after that, of which the first batches are read already. */
  begun?: { epoch: number; reader: ReadAhead } | undefined;
}

/** Iterates over the epoch that the cursor is at; `take` makes of a batch's bytes what is given out. */
export function iterateEpoch<T>(
  epochs: Epochs,
  cursor: Cursor,
  take: (raw: RawBatch) => T,
): { next(): Promise<IteratorResult<T>> } {
  let reader: ReadAhead | undefined;
  let place: Place = { epoch: 0, batch: 0 };
  // tfjs's own fitDataset takes no signal, so an interrupted cell would train on: its data ends instead.
  const interrupts = interruptCount();
  const advance = async (): Promise<IteratorResult<T>> => {
    if (interruptCount() > interrupts) {
      throw new DatasetError("ABORTED", "reading batches: interrupted; run the same call again to resume");
    }
    // An epoch begins with its first read: fitDataset makes one iterator that it never reads.
    if (!reader) {
      place = cursor.next;
      reader = beginEpoch(epochs, cursor);
    }
    const raw = await reader.next();
    if (!raw) {
      cursor.now = { epoch: place.epoch + 1, batch: 0 };
      return { done: true, value: undefined };
    }
    place = { epoch: place.epoch, batch: place.batch + 1 };
    cursor.now = place;
    cursor.examples = raw.examples;
    const value = take(raw);
    reader.release(raw);
    if (place.batch === epochs.shape.size) readNextEpochAhead(epochs, cursor);
    return { done: false, value };
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    // One after the other, also for callers that don't wait.
    next: () => {
      const result = last.then(advance);
      last = result.catch(() => undefined);
      return result;
    },
  };
}

/** The reader of the epoch that comes next, perhaps begun already; the cursor moves on to the one after it. */
function beginEpoch(epochs: Epochs, cursor: Cursor): ReadAhead {
  const { next: place, begun } = cursor;
  cursor.next = { epoch: place.epoch + 1, batch: 0 };
  cursor.begun = undefined;
  return begun?.epoch === place.epoch && place.batch === 0 ? begun.reader : epochs.read(place);
}

/** The next epoch's first batches are read while this one's last is trained on, and while it is validated. */
function readNextEpochAhead(epochs: Epochs, cursor: Cursor): void {
  if (cursor.next.batch !== 0) return;
  cursor.begun = { epoch: cursor.next.epoch, reader: epochs.read(cursor.next) };
  cursor.begun.reader.begin();
}
