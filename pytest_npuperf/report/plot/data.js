"use strict";

// What columns.py and chunks.py made, and the order of rows. Times are in seconds from the first request sent.
const data = JSON.parse(document.getElementById("data").textContent);
const requests = data.e2el.length;
const undecoded = new Set(data.undecoded), cancelled = new Set(data.cancelled);

// Sums in whole ns, divided once: exact to the ns.
const sentNs = sums(data.start);
const start = sentNs.map((sent) => sent / 1e9);
const end = sentNs.map((sent, i) => (sent + data.e2el[i]) / 1e9);
const red = sentNs.map((sent, i) => (undecoded.has(i) ? sent + data.e2el[i] : sent + data.ttft[i]) / 1e9);
const steps = { time: sums(data.steps.time).map((at) => at / 1e9), count: data.steps.count };
const duration = steps.time.at(-1) ?? 1;
const peak = steps.count.reduce((most, count) => Math.max(most, count), 1);

const shared = data.row !== null;
const rowOf = data.row ?? Array.from({ length: requests }, (_, i) => i);
const rows = rowOf.reduce((most, row) => Math.max(most, row + 1), 0);
// The requests of a row in order of their start: members[firstOf[row]] up to members[firstOf[row + 1]].
const firstOf = new Uint32Array(rows + 1), members = new Uint32Array(requests);
for (const row of rowOf) firstOf[row + 1]++;
for (let row = 0; row < rows; row++) firstOf[row + 1] += firstOf[row];
const filled = firstOf.slice();
rowOf.forEach((row, i) => (members[filled[row]++] = i));

function sums(gaps) {
  const found = new Float64Array(gaps.length);
  let sum = 0;
  gaps.forEach((gap, i) => (found[i] = sum += gap));
  return found;
}

function milliseconds(ns) {
  return ns === null ? "-" : `${Number((ns / 1e6).toFixed(4))} ms`;
}

// What the hover of a request says: it is text, never markup.
function requestLines(i) {
  const ttft = data.ttft[i], e2el = data.e2el[i];
  const lines = [
    `TTFT: ${milliseconds(ttft)}`,
    `Decode: ${milliseconds(ttft === null ? null : e2el - ttft)}`,
    `E2EL: ${milliseconds(e2el)}`,
  ];
  if (data.turn?.[i]) lines.unshift(shared ? `Turn ${data.turn[i]} of conversation ${rowOf[i] + 1}` : `Turn ${data.turn[i]}`);
  if (cancelled.has(i)) lines.push("Cancelled by the client");
  if (i in data.failed) lines.push(data.errors[data.failed[i]]);
  return lines;
}

function summaryText() {
  const failed = Object.keys(data.failed).length;
  const parts = [`${requests.toLocaleString("en")} ${requests === 1 ? "request" : "requests"}`];
  if (shared) parts.push(`${rows.toLocaleString("en")} conversations`);
  if (failed) parts.push(`${failed.toLocaleString("en")} failed`);
  if (cancelled.size) parts.push(`${cancelled.size.toLocaleString("en")} cancelled`);
  if (requests) parts.push(`${Number(duration.toPrecision(4))} s`, `at most ${peak.toLocaleString("en")} in flight`);
  return parts.join(" · ");
}
