/** Jupyter counts a cursor's place in code points; TypeScript in UTF-16 units, of which some signs take two. */
export function unitsBefore(code: string, points: number): number {
  return [...code].slice(0, points).join("").length;
}

/** The opposite of `unitsBefore`. */
export function pointsBefore(code: string, units: number): number {
  return [...code.slice(0, units)].length;
}

/** Comments and strings, which hold brackets that are none, and brackets. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\[\s\S]|[^`\\])*`?|[()[\]{}]/g;

/**
 * Where the names end of the functions whose call the cursor stands in, the innermost first.
 * @example enclosingCalls("load(read(1, ", 13) // [9, 4]
 */
export function enclosingCalls(code: string, cursor: number): number[] {
  const open: number[] = [];
  for (const { 0: token, index } of code.slice(0, cursor).matchAll(TOKEN)) {
    if ("([{".includes(token)) open.push(index);
    else if (")]}".includes(token)) open.pop();
  }
  return open.reverse().flatMap((at) => {
    const name = code.slice(0, at).trimEnd();
    return code[at] === "(" && /[\w$]$/.test(name) ? [name.length] : [];
  });
}
