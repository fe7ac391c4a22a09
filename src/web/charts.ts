// The script of a page of displays: unpacks Plotly, then draws each chart.

/** A chart as the page holds it. */
interface Chart {
  data: object[];
  layout: { height: number };
  config: object;
}

interface PlotlyLike {
  newPlot(element: HTMLElement, data: object[], layout: object, config: object): Promise<unknown>;
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

/** Draws a chart into an element. */
async function draw(id: string, { data, layout, config }: Chart): Promise<void> {
  await plotly;
  const element = document.getElementById(id)!;
  element.style.height = `${layout.height}px`;
  await Plotly.newPlot(element, data, layout, { ...config, responsive: true });
}

Object.assign(window, {
  plotlyFrom(packed: string) {
    plotly = load(packed);
  },
  drawChart: draw,
});
