// The script of a page of displays: unpacks Plotly, then draws each chart, in columns or on a narrow screen one under the other.

interface Trace {
  marker?: { colorbar?: object };
}

/** A chart as the page holds it; `meta.narrow` is what changes on a narrow screen. */
interface Chart {
  data: Trace[];
  layout: { meta?: { narrow?: Narrow } };
  config: object;
}

interface Narrow {
  layout: { height: number };
  /** Place of the colour bars, by trace. */
  bars: Record<number, object>;
  /** Pixels from the top at which the players of the sides after the first have their room. */
  players: number[];
}

interface PlotlyLike {
  react(element: HTMLElement, data: Trace[], layout: object, config: object): Promise<unknown>;
}

declare const Plotly: PlotlyLike;

async function load(packed: string): Promise<void> {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const script = document.createElement("script");
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}

let plotly: Promise<void>;
const wide = matchMedia("(min-width: 600px)");

/** Draws a chart into an element, and again where the screen becomes narrow or wide. */
async function draw(id: string, { data, layout, config }: Chart): Promise<void> {
  await plotly;
  const element = document.getElementById(id)!;
  const narrow = layout.meta?.narrow;
  const placePlayers = narrow && playersOf(element);
  const show = (): Promise<unknown> => {
    const stacked = narrow && !wide.matches;
    const shown = stacked ? { ...layout, ...narrow.layout } : layout;
    const traces = stacked ? data.map((trace, i) => placeBar(trace, narrow.bars[i])) : data;
    element.style.height = `${(shown as Narrow["layout"]).height}px`;
    placePlayers?.(stacked ? narrow.players : []);
    // Plotly changes what it is given.
    return Plotly.react(element, structuredClone(traces), structuredClone(shown), { ...config, responsive: true });
  };
  await show();
  if (narrow) wide.addEventListener("change", show);
}

function placeBar(trace: Trace, place?: object): Trace {
  return place ? { ...trace, marker: { ...trace.marker, colorbar: { ...trace.marker?.colorbar, ...place } } } : trace;
}

/** Gives the way to put the players of the section before above their sides: at these pixels of the chart, or back. */
function playersOf(element: HTMLElement): (tops: readonly number[]) => void {
  const section = element.closest("section")!;
  const sides = [...(section.previousElementSibling?.querySelectorAll<HTMLElement>("[data-side]") ?? [])];
  const home = sides[0]?.parentElement;
  section.style.position = "relative";
  return (tops) => {
    sides.slice(1).forEach((side, i) => {
      const top = tops[i];
      (top === undefined ? home! : section).append(side);
      const place = { position: "absolute", left: "0", right: "0", top: `${element.offsetTop + top!}px` };
      Object.assign(side.style, top === undefined ? { position: "static" } : place);
    });
  };
}

Object.assign(window, {
  plotlyFrom(packed: string) {
    plotly = load(packed);
  },
  drawChart: draw,
});
