type Path = readonly (string | number)[];

const LITERAL = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const STRING = /[^"\\\u0000-\u001f]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/**
 * The 1-based line at which the value of a path begins in a json; without a path that at which the text stops being json.
 * For messages alone: `JSON.parse` says no lines. A value that isn't there begins where the one above it does.
 */
export function jsonLine(text: string, path?: Path): number {
  let found = 0;
  const end = scan(text, (here, at) => {
    if (path && here.length <= path.length && here.every((key, i) => key === path[i])) found = at;
  });
  return lineCounter(text)(path ? found : (end ?? text.length));
}

/** The 1-based lines of the values right inside a json object or list, by their keys. */
export function jsonLines(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  const lineOf = lineCounter(text);
  scan(text, (path, at) => void (path.length === 1 && lines.set(String(path[0]), lineOf(at))));
  return lines;
}

/** Counts on from the place before: places are asked for in their order. */
function lineCounter(text: string): (at: number) => number {
  const ends = /\r\n?|\n/g;
  let line = 1;
  let next = ends.exec(text);
  return (at) => {
    for (; next && next.index < at; next = ends.exec(text)) line++;
    return line;
  };
}

/** Walks through a json and says where each value begins; returns the place where the text stops being json. */
function scan(text: string, onValue: (path: Path, at: number) => void): number | undefined {
  const path: (string | number)[] = [];
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  let expected: "value" | "key" | "more" = "value";
  const skip = (from: number): void => {
    at = from;
    while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  };
  for (;;) {
    skip(at);
    const c = text[at];
    if (expected === "value") {
      onValue(path, at);
      if (c === "{" || c === "[") {
        skip(at + 1);
        const isList = c === "[";
        if (text[at] === (isList ? "]" : "}")) {
          at++;
          expected = "more";
        } else {
          path.push(isList ? 0 : "");
          expected = isList ? "value" : "key";
        }
        continue;
      }
      const end = c === '"' ? stringEnd(text, at) : endOf(LITERAL, text, at);
      if (end === undefined) return at;
      at = end;
      expected = "more";
    } else if (expected === "key") {
      const end = stringEnd(text, at);
      if (end === undefined) return at;
      path[path.length - 1] = JSON.parse(text.slice(at, end)) as string;
      skip(end);
      if (text[at] !== ":") return at;
      at++;
      expected = "value";
    } else if (path.length === 0) {
      return at < text.length ? at : undefined;
    } else {
      const key = path.at(-1)!;
      if (c === (typeof key === "number" ? "]" : "}")) path.pop();
      else if (c !== ",") return at;
      else if (typeof key === "number") {
        path[path.length - 1] = key + 1;
        expected = "value";
      } else expected = "key";
      at++;
    }
  }
}

function endOf(expression: RegExp, text: string, at: number): number | undefined {
  expression.lastIndex = at;
  return expression.test(text) ? expression.lastIndex : undefined;
}

/** Where a string ends, behind its quote. */
function stringEnd(text: string, at: number): number | undefined {
  if (text[at] !== '"') return undefined;
  let end = at + 1;
  while (text[end] !== '"') {
    const next = endOf(STRING, text, end);
    if (next === undefined) return undefined;
    end = next;
  }
  return end + 1;
}
