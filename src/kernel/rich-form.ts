/** What other kernels show of an object that says how: IJavascript's conventions. */
const METHODS: Readonly<Record<string, string>> = {
  _toHtml: "text/html",
  _toSvg: "image/svg+xml",
  _toPng: "image/png",
  _toJpeg: "image/jpeg",
};

const DENO = Symbol.for("Jupyter.display");

/**
 * The MIME bundle of a value that has one, besides its text: of `[Symbol.for("Jupyter.display")]()`, Deno's convention, or of
 * `_toHtml()` and the like and `_toMime()`, IJavascript's; of an array of plain objects a table.
 *
 * @throws what these methods throw
 */
export async function richForm(value: unknown): Promise<Record<string, unknown>> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return {};
  const methods = value as Record<PropertyKey, unknown>;
  const call = async (name: PropertyKey): Promise<unknown> => (methods[name] as () => unknown).call(value);
  if (typeof methods[DENO] === "function") return { ...((await call(DENO)) as object) };
  const rich: Record<string, unknown> = {};
  if (typeof methods._toMime === "function") Object.assign(rich, await call("_toMime"));
  for (const [name, type] of Object.entries(METHODS))
    if (typeof methods[name] === "function") rich[type] = String(await call(name));
  return Object.keys(rich).length === 0 && isTable(value) ? await asTable(value) : rich;
}

/** Rows that a table shows by itself. */
const ROWS = 50;

/** Whether a value is an array of plain objects that hold something. */
function isTable(value: object): value is object[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  const isPlain = (row: unknown): boolean => {
    if (typeof row !== "object" || row === null) return false;
    const prototype: unknown = Object.getPrototypeOf(row);
    return prototype === Object.prototype || prototype === null;
  };
  // What a getter gives is its own affair.
  const isHeld = (row: object): boolean =>
    Object.values(Object.getOwnPropertyDescriptors(row)).every((property) => "value" in property);
  return value.every(isPlain) && value.some((row) => Object.keys(row).length > 0) && value.slice(0, ROWS).every(isHeld);
}

async function asTable(rows: readonly object[]): Promise<Record<string, unknown>> {
  const { tableBundle } = await import("../show/table.js");
  return { "text/html": tableBundle(rows, { rows: ROWS })["text/html"] };
}
