// A click on a bar shows that request's chunk times: in a table beside the plot, and as marks on its bar.

const detail = document.getElementById("detail");
const received = new Map(), loading = new Map();

// The request in the table and its chunk times in seconds from the first request sent.
let chosen = { i: null, times: [] };

// Files of chunk times call it with their number and content. A page that was opened from a disk may
// load scripts, but fetch nothing.
window.npuperfChunks = (number, chunks) => received.set(number, chunks);

function loaded(number) {
  if (!loading.has(number)) {
    loading.set(number, new Promise((resolve, reject) => {
      const script = document.createElement("script"), name = `${data.chunk_files.folder}/${number}.js`;
      script.src = name.split("/").map(encodeURIComponent).join("/");
      script.onload = () => resolve(received.get(number));
      script.onerror = () => {
        loading.delete(number);
        reject(new Error(`The chunk times are not there: ${name} must lie beside this page.`));
      };
      document.head.append(script);
    }));
  }
  return loading.get(number);
}

// Chunk times of a request in microseconds from its sending.
async function chunkTimes(i) {
  if (data.chunks) return Array.from(sums(data.chunks[i]));
  const { firsts } = data.chunk_files;
  const number = firstFrom(firsts, i + 1) - 1;
  return Array.from(sums((await loaded(number))[i - firsts[number]]));
}

function cell(kind, text) {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

function tableRow(kind, texts) {
  const made = document.createElement("tr");
  made.append(...texts.map((text) => cell(kind, text)));
  return made;
}

function chunkTable(times) {
  const table = document.createElement("table"), head = document.createElement("thead");
  const body = document.createElement("tbody"), exact = (us) => (us / 1000).toFixed(3);
  head.append(tableRow("th", ["Chunk", "After sending (ms)", "Gap (ms)"]));
  body.append(...times.map((time, k) => tableRow("td", [k + 1, exact(time), k ? exact(time - times[k - 1]) : "-"])));
  table.append(cell("caption", `Chunk times (${times.length})`), head, body);
  return table;
}

async function showDetail(i) {
  chosen = { i, times: [] };
  const close = cell("button", "✕");
  close.type = "button";
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", hideDetail);
  const place = paragraph("Loading the chunk times", "place");
  detail.replaceChildren(
    close, cell("h2", `Request ${i + 1}`), paragraph(data.id_prefix + data.id[i], "id"),
    ...requestLines(i).map((line) => paragraph(line)), place,
  );
  detail.hidden = false;
  Plotly.Plots.resize(plot);
  try {
    const times = await chunkTimes(i);
    // by now another request may have been clicked
    if (chosen.i !== i) return;
    place.replaceWith(times.length ? chunkTable(times) : paragraph("No chunk came."));
    chosen = { i, times: times.map((us) => start[i] + us / 1e6) };
    redraw();
  } catch (error) {
    place.textContent = error.message;
  }
}

function hideDetail() {
  chosen = { i: null, times: [] };
  detail.hidden = true;
  Plotly.Plots.resize(plot);
  redraw();
}

// The marks of the chosen request's chunks, as high as its bar if that can be seen.
function drawnChunks(view) {
  const x = [], y = [], half = Math.max(BAR_HEIGHT / 2, 4 * view.rowsPerPixel);
  for (const time of chosen.times) {
    x.push(time, time, null);
    y.push(rowOf[chosen.i] + 1 - half, rowOf[chosen.i] + 1 + half, null);
  }
  return { x, y };
}
