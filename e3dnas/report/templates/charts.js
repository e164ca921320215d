"use strict";
// Replaces the still pictures by figures to look around in, in the colours of the page; where that fails, they stay.
(async () => {
  const { colours, charts } = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;
  const boxes = charts.map((chart) => document.getElementById(`chart-${chart.id}`));
  const NARROW = 560, PAPER = 680; // pixels
  let drawn = 0; // the width of the figures

  // plotly.js comes as base64 of its gzip.
  async function load() {
    const text = document.getElementById("plotly").textContent.trim();
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    if (!window.Plotly) throw new Error("plotly.js did not start");
  }

  // The figures are in the light colours, each of which stands for a variable of the page.
  function themed(value, shown) {
    if (typeof value === "string") return shown[value] ?? value;
    if (Array.isArray(value)) return value.some((one) => typeof one === "object") ? value.map((one) => themed(one, shown)) : value;
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, themed(one, shown)]));
  }

  // A narrow figure has its units on a line of their own, and its legend by rows.
  function fitted(layout, width) {
    layout.width = width;
    layout.font.family = getComputedStyle(document.body).fontFamily;
    layout.uirevision = "kept";
    if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false;
    if (width >= NARROW) return layout;
    layout.font.size = 12;
    layout.margin.t = 8;
    if (layout.showlegend) {
      layout.legend.y = layout.xaxis.title.text.includes(" (") ? -0.28 : -0.2;
      layout.height += 60;
    }
    for (const axis of [layout.xaxis, layout.yaxis]) {
      axis.title.text = axis.title.text.replace(" (", "<br>(");
      axis.title.font.size = 12;
      if (axis.type !== "category") axis.nticks = 6;
    }
    return layout;
  }

  function draw(width) {
    const styles = getComputedStyle(root);
    const shown = {};
    for (const [name, colour] of Object.entries(colours)) shown[colour] = styles.getPropertyValue(`--chart-${name}`).trim();
    charts.forEach((chart, i) => {
      const layout = fitted(themed(structuredClone(chart.layout), shown), width);
      const config = { displaylogo: false, displayModeBar: width < NARROW ? false : "hover", typesetMath: false,
        plotlyServerURL: "", modeBarButtons: [["toImage", "zoom2d", "pan2d", "autoScale2d", "resetScale2d"]] };
      boxes[i].querySelector(".still")?.remove();
      window.Plotly.react(boxes[i], themed(chart.data, shown), layout, config);
    });
    drawn = width;
  }

  root.classList.add("drawing");
  try {
    await load();
    const width = () => boxes[0].clientWidth;
    draw(width());
    let waiting = 0;
    new ResizeObserver(() => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { if (width() !== drawn) draw(width()); }, 100);
    }).observe(boxes[0]);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(width()));
    addEventListener("beforeprint", () => draw(PAPER));
    addEventListener("afterprint", () => draw(width()));
  } catch (error) {
    root.classList.remove("drawing");
    console.error(error);
  }
})();
