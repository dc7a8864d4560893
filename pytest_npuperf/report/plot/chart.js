// The chart as plotly wants it: traces, axes, colours.

const plot = document.getElementById("plot");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const LIGHT = {
  red: "#d62728", blue: "#1f77b4", green: "#2ca02c", ink: "#1d2125", muted: "#59616b", back: "#ffffff",
  grid: "#e6e6e6", line: "#999999", under: "rgba(44,160,44,0.12)", steady: "rgba(255,193,7,0.15)",
  warmup: "rgba(89,97,107,0.16)",
};
const DARK = {
  red: "#f0605f", blue: "#5aa9e6", green: "#57c265", ink: "#e6e8ea", muted: "#a0a9b3", back: "#14171a",
  grid: "#2e343a", line: "#6b737d", under: "rgba(87,194,101,0.16)", steady: "rgba(255,193,7,0.16)",
  warmup: "rgba(160,169,179,0.2)",
};
const colours = () => (darkness.matches ? DARK : LIGHT);
const isNarrow = () => plot.clientWidth < 720;

// The traces that each view draws anew, in this order.
const DRAWN = ["TTFT", "Decode", "Chunks", "Cancelled request", "Failed request", "Concurrency"];
const DRAWN_PLACES = DRAWN.map((_, place) => place);

function traces() {
  const { red, blue, ink, muted, green, under, back } = colours();
  const bars = (fillcolor) => ({ mode: "none", fill: "toself", fillcolor, hoverinfo: "skip" });
  const marks = (symbol, color, known) => ({
    mode: "markers", marker: { symbol, size: 8, color, line: { color: back, width: 1 } }, hoverinfo: "skip",
    showlegend: known,
  });
  const chunks = { mode: "lines", line: { color: ink, width: 1 }, hoverinfo: "skip", showlegend: false };
  const concurrency = {
    mode: "lines", yaxis: "y2", showlegend: false, line: { color: green, width: 1.5, shape: "hv" },
    fill: "tozeroy", fillcolor: under, hovertemplate: "Time: %{x:.6~f} s<br>Concurrency: %{y}<extra></extra>",
    hoverlabel: { bgcolor: green, bordercolor: green, font: { color: "#fff" }, align: "left" },
  };
  const looks = [
    bars(red), bars(blue), chunks, marks("square", muted, cancelled.size > 0),
    marks("x", ink, Object.keys(data.failed).length > 0), concurrency,
  ];
  const drawn = DRAWN.map((name, place) => ({ name, type: "scatter", x: [], y: [], ...looks[place] }));
  return [...drawn, extent("y", 0.5, rows + 0.5), extent("y2", 0, peak)];
}

// Nothing to see: so autoscale fits all that was measured, not only what is drawn of it at present.
function extent(yaxis, low, high) {
  return {
    type: "scatter", mode: "markers", marker: { opacity: 0, size: 1 }, x: [0, duration], y: [low, high], yaxis,
    hoverinfo: "skip", showlegend: false,
  };
}

// Plotly reads a small HTML in titles.
function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function inLines(text, longest) {
  const lines = [""];
  for (const word of text.match(/[^\s/_-]*[\s/_-]*/g)) {
    if (lines.at(-1).length + word.length > longest && lines.at(-1)) lines.push("");
    lines.push(...(lines.pop() + word).match(new RegExp(`.{1,${longest}}`, "gu")) ?? [""]);
  }
  return lines;
}

// Title and summary in lines that leave the toolbar its corner, or lie below it where that is not enough.
function titleLines() {
  const narrow = isNarrow(), room = narrow ? plot.clientWidth - 24 : plot.clientWidth - 420;
  const lines = inLines(data.title, Math.max(20, Math.floor(room / (narrow ? 8.5 : 9.5))));
  const shown = lines.length > 3 ? [...lines.slice(0, 2), `${lines[2].slice(0, -3)}...`] : lines;
  const below = inLines(summaryText(), Math.max(30, Math.floor(room / 6.6)));
  return [...shown.map(escaped), ...below.map((line) => `<span style="font-size:13px">${line}</span>`)];
}

function timelineTitle(band) {
  const what = shared ? "conversations" : "requests";
  if (!requests) return "<b>Request timeline</b> (no request was sent)";
  if (band === 1) return "<b>Request timeline</b>";
  const note = isNarrow() ? `slowest of each ${band}` : `the slowest of each ${band} ${what}; zoom in for all`;
  return `<b>Request timeline</b> (${note})`;
}

function panelTitle(text, y) {
  return {
    text, xref: "paper", yref: "paper", x: 0, y, xanchor: "left", yanchor: "bottom", showarrow: false,
    font: { size: 14 },
  };
}

// Warmup and steady stage: shaded behind both panels, and a line where a later measurement begins. Their
// names are in the space between the panels.
function stageShapes() {
  const shade = ([x0, x1], fillcolor) => ({
    type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, layer: "below", fillcolor, line: { width: 0 },
  });
  const { warmup, steady, line } = colours();
  return [
    ...data.warmup.map((window) => shade(window, warmup)),
    ...data.steady.map((window) => shade(window, steady)),
    ...data.again.map((x) => ({
      type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { width: 1, color: line },
    })),
  ];
}

function stageTitles() {
  const title = (text, x, y, xanchor) => ({
    text, xref: "x", yref: "paper", x, y, xanchor, yanchor: "middle", showarrow: false,
    font: { size: 12, color: colours().muted },
  });
  // a warmup is often narrower than its name, which is where it is seen at first, for the view begins at 0;
  // after that the line of the measurement that it belongs to has the place
  const [first] = data.warmup;
  return [
    ...(first && first[0] < 0 ? [title("Warmup", first[1] > 0 ? 0 : first[0], 0.38, "left")] : []),
    ...data.steady.map(([from, to]) => title("Steady stage", (from + to) / 2, 0.35, "center")),
    ...data.again.map((x) => title(data.again_name, x, 0.38, "left")),
  ];
}

function initialRanges() {
  const margin = Math.max(0.6, rows * 0.02);
  return {
    time: [0, duration * 1.01],
    rows: [Math.max(0, 1 - margin), Math.max(1, rows) + margin],
    count: [0, peak * 1.15],
  };
}

// What depends on how large the page is.
function frame() {
  const narrow = isNarrow(), lines = titleLines();
  const pad = narrow ? 36 : 24, bottom = narrow ? 52 : 60, top = pad + 20 * lines.length + (narrow ? 68 : 42);
  return {
    title: {
      text: lines.join("<br>"), x: 0.5, y: 1, yref: "container", yanchor: "top", pad: { t: pad },
      font: { size: narrow ? 15 : 17 },
    },
    margin: { l: narrow ? 70 : 76, r: narrow ? 14 : 32, t: top, b: bottom },
    legend: {
      orientation: "h", traceorder: "normal", yref: "paper", yanchor: "bottom",
      x: narrow ? 0 : 1, xanchor: narrow ? "left" : "right",
      y: 1 + 22 / Math.max(200, plot.clientHeight - top - bottom),
    },
  };
}

function layout() {
  const { ink, back, grid, line, muted } = colours(), narrow = isNarrow(), ranges = initialRanges();
  const axis = {
    gridcolor: grid, showline: true, linecolor: line, ticks: "outside", tickcolor: line, zeroline: false,
    rangemode: "nonnegative",
  };
  const count = { ...axis, tickmode: "array", tickformat: "d" };
  return {
    ...frame(),
    font: { color: ink }, paper_bgcolor: back, plot_bgcolor: back,
    hovermode: "closest", dragmode: "zoom",
    uirevision: "kept", // zoom and legend outlast a change of colours
    modebar: { bgcolor: "rgba(0,0,0,0)", color: muted, activecolor: ink },
    xaxis: { ...axis, anchor: "y2", title: { text: "Relative time (seconds)" }, range: ranges.time },
    yaxis: {
      ...count, domain: [0.4, 1], title: { text: shared ? "Conversation index" : "Request index" },
      range: ranges.rows, tickvals: countTicks(ranges.rows),
    },
    yaxis2: {
      ...count, domain: [0, 0.3], title: { text: narrow ? "Concurrent" : "Concurrent requests" },
      range: ranges.count, tickvals: countTicks(ranges.count),
    },
    shapes: stageShapes(),
    annotations: [panelTitle(timelineTitle(1), 1.005), panelTitle("<b>Concurrency</b>", 0.305), ...stageTitles()],
  };
}

const CONFIG = {
  displaylogo: false,
  displayModeBar: "hover",
  responsive: true,
  modeBarButtons: [
    ["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"],
  ],
  toImageButtonOptions: { format: "png", filename: data.picture_name },
};
