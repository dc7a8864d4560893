"use strict";

// Made by plot.py: times in seconds from the first request sent, requests in order of start.
const data = JSON.parse(document.getElementById("data").textContent);
const requests = data.start.length;
const duration = data.steps.time.at(-1) ?? 1;
const peak = data.steps.count.reduce((most, count) => Math.max(most, count), 1);

const RED = "#d62728", BLUE = "#1f77b4", GREEN = "#2ca02c", INK = "#222", GREY = "#777";
const cancelled = new Set(data.cancelled);
const BAR_HEIGHT = 0.7;

function milliseconds(seconds) {
  return seconds === null ? "-" : `${Number((seconds * 1000).toFixed(4))} ms`;
}

// Plotly reads a small HTML in hover texts.
function escaped(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function requestText(i) {
  const start = data.start[i], ttft = data.ttft[i], end = data.end[i];
  const decode = ttft === null ? null : end - (start + ttft);
  const lines = [
    `<b>Request ${i + 1}</b> (${escaped(data.id[i])})`,
    `TTFT: ${milliseconds(ttft)}`,
    `Decode: ${milliseconds(decode)}`,
    `E2EL: ${milliseconds(end - start)}`,
  ];
  if (cancelled.has(i)) lines.push("Cancelled by the client");
  return lines.concat((data.failed[i] || []).map(escaped)).join("<br>");
}

// All bars of one colour are one polygon with gaps: a single SVG path, however many requests.
function bars(name, colour) {
  return {
    name, type: "scatter", mode: "none", fill: "toself", fillcolor: colour, hoveron: "points",
    hoverinfo: "text", hoverlabel: { bgcolor: colour, font: { color: "#fff" }, align: "left" },
    x: [], y: [], text: [],
  };
}

function addBar(trace, i, from, to, text) {
  const low = i + 1 - BAR_HEIGHT / 2, high = i + 1 + BAR_HEIGHT / 2;
  trace.x.push(from, to, to, from, null);
  trace.y.push(low, low, high, high, null);
  trace.text.push(text, text, text, text, null);
}

// Where requests ended before their answer did.
function ends(name, symbol, colour) {
  return {
    name, type: "scatter", mode: "markers", hoverinfo: "text",
    marker: { symbol, size: 8, color: colour, line: { color: "#fff", width: 1 } },
    hoverlabel: { bgcolor: colour, font: { color: "#fff" }, align: "left" },
    x: [], y: [], text: [],
  };
}

function addEnd(trace, i, at, text) {
  trace.x.push(at);
  trace.y.push(i + 1);
  trace.text.push(text);
}

function timeline() {
  const prefill = bars("TTFT", RED), decode = bars("Decode", BLUE);
  const failed = ends("Failed request", "x", INK), givenUp = ends("Cancelled request", "square", GREY);
  for (let i = 0; i < requests; i++) {
    const start = data.start[i], first = start + data.ttft[i], end = data.end[i];
    const text = requestText(i);
    addBar(prefill, i, start, data.decoded[i] ? first : end, text);
    if (data.decoded[i]) addBar(decode, i, first, end, text);
    if (data.failed[i]) addEnd(failed, i, end, text);
    if (cancelled.has(i)) addEnd(givenUp, i, end, text);
  }
  return [prefill, decode, ...[failed, givenUp].filter((trace) => trace.x.length)];
}

function concurrency() {
  return {
    name: "Concurrency", type: "scatter", mode: "lines", yaxis: "y2", showlegend: false,
    line: { color: GREEN, width: 1.5, shape: "hv" }, fill: "tozeroy", fillcolor: "rgba(44,160,44,0.12)",
    hovertemplate: "Time: %{x:.4~f} s<br>Concurrency: %{y}<extra></extra>",
    hoverlabel: { bgcolor: GREEN, font: { color: "#fff" }, align: "left" },
    x: data.steps.time, y: data.steps.count,
  };
}

// Requests are counted from 1, in whole numbers at every zoom.
function countTicks([low, high]) {
  const wanted = Math.max(1, (high - low) / 12), power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= wanted);
  const ticks = low <= 1 && high >= 1 && step > 1 ? [1] : [];
  for (let tick = Math.max(step, Math.ceil(low / step) * step); tick <= high; tick += step) ticks.push(tick);
  return ticks;
}

function panelTitle(text, y) {
  return {
    text: `<b>${text}</b>`, xref: "paper", yref: "paper", x: 0, y, xanchor: "left", yanchor: "bottom",
    showarrow: false, font: { size: 14 },
  };
}

// The steady stage: shaded behind both panels, its name in the space between them.
function steadyShapes() {
  if (!data.steady) return [];
  const [x0, x1] = data.steady;
  return [{
    type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, layer: "below",
    fillcolor: "rgba(255,193,7,0.15)", line: { width: 0 },
  }];
}

function steadyTitle() {
  if (!data.steady) return [];
  const [x0, x1] = data.steady;
  return [{
    text: "Steady stage", xref: "x", yref: "paper", x: (x0 + x1) / 2, y: 0.35, yanchor: "middle",
    showarrow: false, font: { size: 12, color: GREY },
  }];
}

function layout() {
  const axis = {
    gridcolor: "#e6e6e6", showline: true, linecolor: "#999", ticks: "outside", tickcolor: "#999",
    zeroline: false, rangemode: "nonnegative",
  };
  const count = { ...axis, tickmode: "array", tickformat: "d" };
  const margin = Math.max(0.6, requests * 0.02);
  const requestRange = [Math.max(0, 1 - margin), Math.max(1, requests) + margin], countRange = [0, peak * 1.15];
  return {
    title: { text: escaped(data.title), x: 0.5, font: { size: 17 } },
    font: { color: INK }, paper_bgcolor: "#fff", plot_bgcolor: "#fff",
    margin: { l: 76, r: 32, t: 92, b: 60 },
    hovermode: "closest", dragmode: "zoom",
    legend: { orientation: "h", x: 1, xanchor: "right", y: 1.005, yanchor: "bottom", traceorder: "normal" },
    xaxis: {
      ...axis, anchor: "y2", title: { text: "Relative time (seconds)" },
      range: [0, duration * 1.01],
    },
    yaxis: {
      ...count, domain: [0.4, 1], title: { text: "Request index" },
      range: requestRange, tickvals: countTicks(requestRange),
    },
    yaxis2: {
      ...count, domain: [0, 0.3], title: { text: "Concurrent requests" },
      range: countRange, tickvals: countTicks(countRange),
    },
    shapes: steadyShapes(),
    annotations: [
      ...steadyTitle(),
      panelTitle(requests ? "Request timeline" : "Request timeline (no request was sent)", 1.005),
      panelTitle("Concurrency", 0.305),
    ],
  };
}

const config = {
  displaylogo: false,
  displayModeBar: "hover",
  responsive: true,
  modeBarButtons: [
    ["toImage"], ["zoom2d", "pan2d"], ["zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"],
  ],
  toImageButtonOptions: { format: "png", filename: data.picture_name },
};

const plot = document.getElementById("plot");
if (window.Plotly) {
  Plotly.newPlot(plot, [...timeline(), concurrency()], layout(), config).then(() => {
    plot.on("plotly_relayout", () => {
      const axes = [plot.layout.yaxis, plot.layout.yaxis2], ticks = axes.map((axis) => countTicks(axis.range));
      // setting the ticks raises this event again
      if (axes.some((axis, i) => String(axis.tickvals) !== String(ticks[i]))) {
        Plotly.relayout(plot, { "yaxis.tickvals": ticks[0], "yaxis2.tickvals": ticks[1] });
      }
    });
  });
} else {
  plot.innerHTML = '<p class="message">The file plotly.min.js must lie beside this one.</p>';
}
