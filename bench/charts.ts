/** One comparison: the speed-up over the peer, the extremes of the runs, and the goal. */
export interface Ratio {
  name: string;
  peer: string;
  ratio: number;
  spread: [number, number];
  target: number;
}

/** Seconds by number of examples. */
export interface Line {
  name: string;
  examples: number[];
  seconds: number[];
  /** Memory above that of the process before, at the largest number. */
  megabytes?: number | undefined;
}

const WIDTH = 860;
const INK = "#24292f";
const GRID = "#d0d7de";
// Okabe and Ito's colours, which stay apart for colour-blind people.
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

const escapeXml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function svg(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="sans-serif" font-size="12" fill="${INK}"><title>${escapeXml(title)}</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

const text = (x: number, y: number, words: string, anchor = "start"): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(words)}</text>`;

const shorten = (words: string, most: number): string => (words.length > most ? `${words.slice(0, most - 1)}…` : words);

/** A bar per comparison on a logarithmic axis, from 1 (as fast as the peer), with the goal as a tick. */
export function ratioChart(results: readonly Ratio[]): string {
  const left = 390;
  const right = WIDTH - 50;
  const top = 34;
  const step = 22;
  const bad = results.find(({ ratio, target }) => !(ratio > 0 && target > 0));
  // A logarithmic axis has no 0.
  if (bad) throw new Error(`${bad.name} / ${bad.peer}: ${bad.ratio}, goal ${bad.target}; expected both above 0`);
  const all = results.flatMap(({ ratio, target }) => [ratio, target]);
  const [low, high] = [Math.min(0.1, ...all), Math.max(10, ...all) * 1.2];
  const x = (value: number): number => left + ((right - left) * Math.log(value / low)) / Math.log(high / low);
  const height = top + results.length * step + 40;
  const parts = [text(8, 20, "speed-up over the peer (bar: median; line: extremes; diamond: goal)")];
  for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power++) {
    const at = x(10 ** power);
    parts.push(`<line x1="${at}" x2="${at}" y1="${top}" y2="${height - 30}" stroke="${power === 0 ? INK : GRID}"/>`);
    parts.push(text(at, height - 12, `${10 ** power}×`, "middle"));
  }
  results.forEach(({ name, peer, ratio, spread, target }, i) => {
    const y = top + i * step + step / 2;
    const [from, to] = [x(1), x(ratio)].sort((a, b) => a - b) as [number, number];
    parts.push(text(left - 10, y + 4, shorten(`${name} / ${peer}`, 56), "end"));
    const colour = ratio >= target ? COLOURS[0] : COLOURS[1];
    parts.push(
      `<rect x="${from.toFixed(1)}" y="${y - 6}" width="${Math.max(1, to - from).toFixed(1)}" height="12" fill="${colour}"><title>${escapeXml(`${name}: ${ratio}, goal ${target}`)}</title></rect>`,
    );
    parts.push(`<line x1="${x(Math.max(low, spread[0]))}" x2="${x(spread[1])}" y1="${y}" y2="${y}" stroke="${INK}"/>`);
    const goal = x(target);
    parts.push(
      `<path d="M${goal - 4},${y} L${goal},${y - 5} L${goal + 4},${y} L${goal},${y + 5} Z" fill="#fff" stroke="${INK}"/>`,
    );
    parts.push(text(right + 6, y + 4, ratio.toPrecision(2)));
  });
  return svg(height, "Speed-up over each peer", parts);
}

const memory = ({ megabytes }: Line): string => (megabytes === undefined ? "" : `, ${megabytes} MB`);

/** Seconds by examples, both axes logarithmic. */
export function growthChart(lines: readonly Line[]): string {
  const [left, right, top, bottom] = [60, WIDTH - 150, 34, 330];
  const examples = lines.flatMap((line) => line.examples);
  const seconds = lines.flatMap((line) => line.seconds);
  const power = (values: number[], up: boolean): number =>
    up ? 10 ** Math.ceil(Math.log10(Math.max(...values))) : 10 ** Math.floor(Math.log10(Math.min(...values)));
  const scale = (from: number, to: number, low: number, high: number) => (value: number) =>
    from + ((to - from) * Math.log(value / low)) / Math.log(high / low);
  const [fewest, most] = [power(examples, false), power(examples, true)];
  const [least, longest] = [power(seconds, false), power(seconds, true)];
  const x = scale(left, right, fewest, most);
  const y = scale(bottom, top, least, longest);
  const parts = [
    text(8, 20, "seconds by number of examples; memory above that of the process before, at the most examples"),
  ];
  for (let value = fewest; value <= most * 1.01; value *= 10) {
    parts.push(`<line x1="${x(value)}" x2="${x(value)}" y1="${top}" y2="${bottom}" stroke="${GRID}"/>`);
    parts.push(text(x(value), bottom + 18, value.toLocaleString("en"), "middle"));
  }
  for (let value = least; value <= longest * 1.01; value *= 10) {
    parts.push(`<line x1="${left}" x2="${right}" y1="${y(value)}" y2="${y(value)}" stroke="${GRID}"/>`);
    parts.push(text(left - 8, y(value) + 4, `${Number(value.toPrecision(1))} s`, "end"));
  }
  const ends = lines
    .map((line, i) => ({ line, colour: COLOURS[i % COLOURS.length]!, at: y(line.seconds.at(-1)!) }))
    .sort((a, b) => a.at - b.at);
  let last = -Infinity;
  for (const { line, colour, at } of ends) {
    const points = line.examples.map((n, k) => `${x(n).toFixed(1)},${y(line.seconds[k]!).toFixed(1)}`);
    parts.push(`<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    last = Math.max(at, last + 15);
    parts.push(
      `<g fill="${colour}">${text(x(line.examples.at(-1)!) + 8, last + 4, `${line.name}${memory(line)}`)}</g>`,
    );
  }
  return svg(bottom + 34, "Seconds by number of examples", parts);
}
