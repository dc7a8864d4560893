// The hover of the request timeline: anywhere on a bar, and near one that is too thin to hit. The
// corners of the concurrency steps have plotly's own.

const NEAR = 5, NEAR_ROW = 2, MARK = 4;
const hover = document.getElementById("hover");

// What the last redraw put on the screen.
let shown = { band: 1, bars: [], failed: [], givenUp: [] };

function isOn(name) {
  return plot.data[DRAWN.indexOf(name)].visible !== "legendonly";
}

// Where the pointer is in the timeline: seconds, row from 1, and how much a pixel is of them; null elsewhere.
function pointed(event) {
  const area = plot.querySelector('.nsewdrag[data-subplot="xy"]').getBoundingClientRect();
  const right = event.clientX - area.left, up = area.bottom - event.clientY;
  if (right < 0 || up < 0 || right > area.width || up > area.height) return null;
  const [from, to] = plot.layout.xaxis.range, [low, high] = plot.layout.yaxis.range;
  const across = (to - from) / area.width, along = (high - low) / area.height;
  return { x: from + right * across, y: low + up * along, across, along };
}

// The request whose bar or mark is under the pointer or next to it; null where there is none.
function requestAt(event) {
  const at = pointed(event);
  if (!at) return null;
  const red = isOn("TTFT"), blue = isOn("Decode");
  let nearest = null, least = Infinity;
  const consider = (i, dx, dy) => {
    if (dx <= NEAR && dy <= NEAR_ROW && dx * dx + dy * dy <= least) [nearest, least] = [i, dx * dx + dy * dy];
  };
  for (const bar of shown.bars) {
    const from = red ? bar.from : bar.red, to = blue ? bar.to : bar.red;
    if (to <= from) continue;
    consider(bar.i, outside(at.x, from, to) / at.across, outside(at.y, bar.low, bar.high) / at.along);
  }
  const marks = [...(isOn("Failed request") ? shown.failed : []), ...(isOn("Cancelled request") ? shown.givenUp : [])];
  for (const mark of marks) {
    consider(
      mark.i,
      Math.max(0, Math.abs(at.x - mark.at) / at.across - MARK),
      Math.max(0, Math.abs(at.y - mark.y) / at.along - MARK),
    );
  }
  return nearest;
}

function outside(value, low, high) {
  return Math.max(low - value, 0, value - high);
}

function paragraph(text, className = "") {
  const made = document.createElement("p");
  made.textContent = text;
  made.className = className;
  return made;
}

function hideHover() {
  hover.hidden = true;
}

function showHover(event) {
  const i = event.buttons ? null : requestAt(event);
  plot.classList.toggle("on-a-bar", i !== null);
  if (i === null) return hideHover();
  const name = document.createElement("strong");
  name.textContent = `Request ${i + 1}`;
  const heading = paragraph(` (${data.id_prefix}${data.id[i]})`);
  heading.prepend(name);
  hover.replaceChildren(heading, ...requestLines(i).map((line) => paragraph(line)));
  if (shown.band > 1) hover.append(paragraph("Zoom in for the requests beside it"));
  hover.hidden = false;
  const room = 14, { width, height } = hover.getBoundingClientRect();
  const left = event.clientX + room + width > innerWidth ? event.clientX - room - width : event.clientX + room;
  const top = event.clientY + room + height > innerHeight ? event.clientY - room - height : event.clientY + room;
  hover.style.left = `${Math.max(8, left)}px`;
  hover.style.top = `${Math.max(8, top)}px`;
}
