"use strict";
// The page is whole without this script. It adds the values under the pointer, and remembers the switches.

(() => {
  const number = (value) => String(Number(value.toPrecision(4)));

  // A scale as report/charts/figure.py describes it: "log 0.01 1 0.001 ms".
  const scale = (text) => {
    const [kind, low, high, size, ...unit] = text.split(" ");
    const [from, to] = [Number(low), Number(high)];
    // no digits beyond what the tenths of a unit can tell that heights are drawn in
    const step = kind === "log" ? 0 : 10 ** Math.ceil(Math.log10((to - from) / Number(size) / 2000));
    return {
      value: (share) => (kind === "log" ? from * (to / from) ** share : from + (to - from) * share),
      text: (value) => {
        const shown = value / Number(size);
        return `${number(step ? Math.round(shown / step) * step : shown)} ${unit.join(" ")}`.trim();
      },
    };
  };

  // The corners of a path of M, H and V; before the first one there is no value.
  const steps = (path) => {
    const corners = [];
    let x = 0;
    for (const [, command, rest] of path.getAttribute("d").matchAll(/([MHV])([\d.\- ]+)/g)) {
      if (command === "V") corners.push([x, Number(rest)]);
      else x = Number(rest.split(" ")[0]);
    }
    return corners;
  };

  const heightAt = (corners, x) => {
    let [low, high] = [0, corners.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (corners[middle][0] <= x) low = middle + 1;
      else high = middle;
    }
    return low ? corners[low - 1][1] : null;
  };

  const readable = (figure) => {
    const svg = figure.querySelector("svg[data-area]");
    const readout = figure.querySelector(".readout");
    const [left, top, right, bottom] = svg.dataset.area.split(" ").map(Number);
    const cursor = document.createElementNS(svg.namespaceURI, "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", top);
    cursor.setAttribute("y2", bottom);
    const corners = new Map();

    const show = (event) => {
      const axis = [...svg.querySelectorAll("g")].find((group) => getComputedStyle(group).display !== "none");
      const curves = [...axis.querySelectorAll("path[data-name]")];
      if (!curves.length) return;
      const box = svg.getBoundingClientRect();
      const x = Math.min(right, Math.max(left, ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width));
      const [across, up] = [scale(axis.dataset.x), scale(axis.dataset.y)];
      const values = curves.map((curve) => {
        if (!corners.has(curve)) corners.set(curve, steps(curve));
        const height = heightAt(corners.get(curve), x);
        const value = height === null ? 0 : up.value((bottom - height) / (bottom - top));
        return `${curve.dataset.name} ${up.text(value)}`;
      });
      readout.textContent = `${across.text(across.value((x - left) / (right - left)))}: ${values.join(", ")}`;
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      svg.append(cursor);
      figure.classList.add("hovered");
    };

    svg.addEventListener("pointermove", show);
    svg.addEventListener("pointerdown", show);
    svg.addEventListener("pointerleave", () => {
      cursor.remove();
      figure.classList.remove("hovered");
    });
  };

  const remembered = (name) => {
    // Browsers may forbid pages on a disk to store anything.
    try {
      const value = localStorage.getItem(`npuperf-${name}`);
      const choice = [...document.getElementsByName(name)].find((input) => input.value === value);
      if (choice) choice.checked = true;
    } catch {}
    for (const input of document.getElementsByName(name)) {
      input.addEventListener("change", () => {
        try {
          localStorage.setItem(`npuperf-${name}`, input.value);
        } catch {}
      });
    }
  };

  for (const figure of document.querySelectorAll("figure")) readable(figure);
  for (const name of ["theme", "axis"]) remembered(name);
})();
