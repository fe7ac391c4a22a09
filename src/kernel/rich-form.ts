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
 * `_toHtml()` and the like and `_toMime()`, IJavascript's.
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
  return rich;
}
