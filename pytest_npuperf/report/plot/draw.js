// What is drawn of a view: everything where it is not much, else what a pixel can show. A view has
// the bounds of both axes with a screen to spare on each side, for a drag shows what is drawn there,
// and how much a pixel is.

const BAR_HEIGHT = 0.7;
// In pixels, where bands share rows: more marks would hide the bars.
const MARKS_APART = 12;
// So many rows on a screen are drawn each by itself.
const EXACT_ROWS = 1500, EXACT_STEPS = 4000;

// How many rows share a band: 1, or so many that a band has about a pixel. A power of two, and
// bands begin at its multiples, so the bands stay the same while panning.
function rowsInBand(view) {
  if (view.rowsOnScreen <= EXACT_ROWS) return 1;
  return 2 ** Math.ceil(Math.log2(view.rowsPerPixel));
}

// The requests of a row that are under way within the view.
function* visibleOf(row, view) {
  for (let place = firstOf[row]; place < firstOf[row + 1]; place++) {
    const i = members[place];
    if (end[i] >= view.from && start[i] <= view.to) yield i;
  }
}

// The row of a band with the slowest request, and the first request that failed and that was cancelled.
function pickOfBand(low, high, view) {
  const found = { row: -1, failed: -1, cancelled: -1 };
  let longest = -1;
  for (let row = low; row < high; row++) {
    for (const i of visibleOf(row, view)) {
      if (data.e2el[i] > longest) [longest, found.row] = [data.e2el[i], row];
      if (found.failed < 0 && i in data.failed) found.failed = i;
      if (found.cancelled < 0 && cancelled.has(i)) found.cancelled = i;
    }
  }
  return found;
}

// Bars {i, from, red, to, low, high} and marks {i, at, y}; how many rows a band has.
function drawnTimeline(view) {
  const band = rowsInBand(view), bars = [], failed = [], givenUp = [];
  const half = band === 1 ? BAR_HEIGHT / 2 : 0.5;
  const mark = (i) => ({ i, at: end[i], y: rowOf[i] + 1 });
  for (let low = Math.max(0, Math.floor(view.low / band) * band); low < Math.min(rows, view.high); low += band) {
    const high = Math.min(rows, low + band), pick = pickOfBand(low, high, view);
    if (pick.row < 0) continue;
    for (const i of visibleOf(pick.row, view)) {
      bars.push({ i, from: start[i], red: red[i], to: end[i], low: low + 1 - half, high: high + half });
      if (band === 1 && i in data.failed) failed.push(mark(i));
      if (band === 1 && cancelled.has(i)) givenUp.push(mark(i));
    }
    if (band > 1 && pick.failed >= 0) addApart(failed, mark(pick.failed), view);
    if (band > 1 && pick.cancelled >= 0) addApart(givenUp, mark(pick.cancelled), view);
  }
  return { band, bars, failed, givenUp };
}

function addApart(marks, mark, view) {
  const last = marks.at(-1);
  if (!last || mark.y - last.y >= MARKS_APART * view.rowsPerPixel) marks.push(mark);
}

// All bars of one colour are one polygon with gaps: a single SVG path, however many requests. No
// part of a bar is narrower than a pixel, or it could not be seen.
function polygon(bars, edges, pixel) {
  const x = [], y = [];
  for (const bar of bars) {
    const [from, to] = edges(bar);
    if (to <= from) continue;
    const right = Math.max(to, from + pixel);
    x.push(from, right, right, from, null);
    y.push(bar.low, bar.low, bar.high, bar.high, null);
  }
  return { x, y };
}

// The steps of a view. Where they are too many: the first, lowest, highest and last of each column
// of two pixels, so every corner that is drawn is one that was.
function drawnSteps(view) {
  const { time, count } = steps;
  const first = Math.max(0, firstFrom(time, view.from) - 1), last = Math.min(time.length, firstFrom(time, view.to) + 1);
  const places = [];
  if (last - first <= EXACT_STEPS) {
    for (let place = first; place < last; place++) places.push(place);
  } else {
    const width = 2 * view.secondsPerPixel, column = (place) => Math.floor((time[place] - view.from) / width);
    for (let place = first; place < last; ) {
      let [lowest, highest, next] = [place, place, place];
      for (; next < last && column(next) === column(place); next++) {
        if (count[next] < count[lowest]) lowest = next;
        if (count[next] > count[highest]) highest = next;
      }
      places.push(...[...new Set([place, lowest, highest, next - 1])].sort((one, other) => one - other));
      place = next;
    }
  }
  return { x: places.map((place) => time[place]), y: places.map((place) => count[place]) };
}

// The first place whose value is not below a bound; values rise.
function firstFrom(values, bound) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Requests are counted from 1, in whole numbers at every zoom.
function countTicks([low, high]) {
  const wanted = Math.max(1, (high - low) / 12), power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= wanted);
  const ticks = low <= 1 && high >= 1 && step > 1 ? [1] : [];
  for (let tick = Math.max(step, Math.ceil(low / step) * step); tick <= high; tick += step) ticks.push(tick);
  return ticks;
}
