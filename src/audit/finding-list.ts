import { exampleName, type Records } from "../records/records.js";
import { splitNames } from "../core/split-name.js";
import { type Finding, type LeakKind, leakKinds, type Place } from "./report.js";

/** Keeps, for each example, other split and kind, the worst finding. */
export class FindingList {
  private readonly worst = new Map<string, Finding>();

  constructor(
    private readonly records: Records,
    private readonly owner: Int8Array,
  ) {}

  /** The later split's example is `b`: it is the one that is no longer new. */
  add(
    kind: LeakKind,
    score: number,
    one: [number, Place["side"]],
    two: [number, Place["side"]],
    what: string,
    details: (swapped: boolean) => string = () => "",
  ): void {
    const swapped = this.owner[one[0]]! > this.owner[two[0]]!;
    const [from, to] = swapped ? [two, one] : [one, two];
    const [a, b] = [this.place(...from), this.place(...to)];
    const key = `${kind} ${b.example} ${a.split}`;
    const known = this.worst.get(key);
    if (known && known.score >= score) return;
    const message = `${b.split}: ${b.name} (${b.side}) ${what} ${a.name} (${a.side}) in ${a.split}${details(swapped)}`;
    this.worst.set(key, { kind, score, a, b, message });
  }

  all(): Finding[] {
    return [...this.worst.values()].sort(
      (p, q) => leakKinds.indexOf(p.kind) - leakKinds.indexOf(q.kind) || q.score - p.score || p.b.example - q.b.example,
    );
  }

  private place(example: number, side: Place["side"]): Place {
    return { split: splitNames[this.owner[example]!]!, example, name: exampleName(this.records, example), side };
  }
}
