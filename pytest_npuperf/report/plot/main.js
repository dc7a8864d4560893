// The page: drawn once, and again for each view.

function currentView() {
  const area = plot.querySelector('.nsewdrag[data-subplot="xy"]').getBoundingClientRect();
  const [from, to] = plot.layout.xaxis.range, [low, high] = plot.layout.yaxis.range;
  const width = to - from, height = high - low;
  return {
    from: from - width, to: to + width, secondsPerPixel: width / Math.max(1, area.width),
    low: low - height, high: high + height, rowsPerPixel: height / Math.max(1, area.height), rowsOnScreen: height,
  };
}

function redraw() {
  const view = currentView();
  shown = drawnTimeline(view);
  const marks = (found) => ({ x: found.map((mark) => mark.at), y: found.map((mark) => mark.y) });
  const drawn = [
    polygon(shown.bars, (bar) => [bar.from, bar.red], view.secondsPerPixel),
    polygon(shown.bars, (bar) => [bar.red, bar.to], view.secondsPerPixel),
    drawnChunks(view), marks(shown.givenUp), marks(shown.failed), drawnSteps(view),
  ];
  const changes = {
    "yaxis.tickvals": countTicks(plot.layout.yaxis.range),
    "yaxis2.tickvals": countTicks(plot.layout.yaxis2.range),
    "annotations[0].text": timelineTitle(shown.band),
  };
  return Plotly.update(
    plot, { x: drawn.map((one) => one.x), y: drawn.map((one) => one.y) }, changes, DRAWN_PLACES,
  ).then(() => {
    plot.dataset.draws = Number(plot.dataset.draws ?? 0) + 1;
  });
}

let framed = "";

function viewChanged() {
  hideHover();
  const wanted = JSON.stringify(frame());
  if (wanted === framed) return redraw();
  framed = wanted;
  // this comes back here
  return Plotly.relayout(plot, frame());
}

function begin() {
  document.getElementById("summary").textContent = summaryText();
  if (!window.Plotly) {
    plot.replaceChildren(paragraph("The file plotly.min.js must lie beside this one.", "message"));
    return;
  }
  framed = JSON.stringify(frame());
  Plotly.newPlot(plot, traces(), layout(), CONFIG).then(() => {
    plot.on("plotly_relayout", viewChanged);
    plot.addEventListener("pointermove", showHover);
    plot.addEventListener("pointerleave", hideHover);
    // plotly's click after a tap does not say where it was
    let down = null;
    plot.addEventListener("pointerdown", (event) => {
      down = event;
      hideHover();
    });
    plot.addEventListener("click", (event) => {
      const i = requestAt(down ?? event);
      if (i !== null) showDetail(i);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !detail.hidden) hideDetail();
    });
    darkness.addEventListener("change", () => Plotly.react(plot, traces(), layout(), CONFIG).then(redraw));
    viewChanged();
  });
}

begin();
