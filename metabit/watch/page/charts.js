// Small charts of the live page, as SVG that follows the colours of the page.

const SVG = "http://www.w3.org/2000/svg";

function element(name, attributes, parent, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/** Return round numbers, few of them, between two values, each with its text. */
export function ticks(low, high, most) {
  const step = (high - low) / Math.max(1, most);
  if (!(step > 0) || !Number.isFinite(step)) return [];
  const power = 10 ** Math.floor(Math.log10(step));
  const round = [1, 2, 5, 10].map((factor) => factor * power).find((value) => value >= step * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(round) + 1e-9));
  const found = [];
  for (let tick = Math.ceil(low / round - 1e-9) * round; tick <= high + round * 1e-6; tick += round) {
    const value = Math.abs(tick) < round * 1e-6 ? 0 : tick;
    found.push({ value, text: digits ? value.toFixed(digits) : written(Math.round(value)) });
  }
  return found;
}

/** Return a number as it is read: few digits, thousands apart. */
export function written(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1000) return String(value);
  const size = Math.abs(value);
  if (size >= 999.5) return Math.round(value).toLocaleString("en").replaceAll(",", "\u202f");
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(2).replace(/\.?0+$/, "");
}

/** Move numbers apart, so that texts there do not cover each other. */
function apart(places, step, high) {
  const order = places.map((place, index) => ({ place, index })).sort((a, b) => a.place - b.place);
  for (let n = 1; n < order.length; n += 1) {
    order[n].place = Math.max(order[n].place, order[n - 1].place + step);
  }
  const excess = order.length ? Math.max(0, order.at(-1).place - high) : 0;
  const moved = [];
  for (const { place, index } of order) moved[index] = place - excess;
  return moved;
}

/**
 * Draw lines.
 *
 * @param {HTMLElement} box  Where to; its size is that of the chart.
 * @param {{label: string, colour: string, points: number[][], dots?: boolean, faint?: boolean}[]} series
 * @param {{name: string, unit?: string, zero?: boolean, top?: number, least?: number}} options  What it shows, for who
 *     cannot see it; whether it begins at zero; where it ends at most; what it spans if all values are one.
 */
export function lines(box, series, options) {
  const width = box.clientWidth;
  const height = box.clientHeight;
  if (!width || !height) return;
  const shown = series.filter((one) => one.points.some((point) => point[1] !== null));
  const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  const ends = shown.map((one) => one.points.findLast((point) => point[1] !== null));
  const labels = shown.map((one, index) =>
    [one.label, written(ends[index][1]) + (options.unit ?? "")].filter(Boolean).join(" "),
  );
  const right = Math.max(58, 14 + 6.4 * Math.max(0, ...labels.map((label) => label.length)));
  const left = 40;
  const [top, bottom] = [8, height - 22];
  let [low, high, last] = [Infinity, -Infinity, 0];
  for (const { points } of shown) {
    for (const [x, y] of points) {
      last = Math.max(last, x);
      if (y === null) continue;
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  svg.setAttribute("aria-label", `${options.name}. Now ${labels.join(", ") || "nothing yet"}`);
  if (!shown.length) [low, high] = [0, 1];
  if (options.zero) low = 0;
  if (high - low < 1e-9) high = low + (options.least ?? 1);
  const margin = options.zero ? 0 : 0.05 * (high - low);
  low -= margin;
  high = Math.min(high + 0.05 * (high - low), options.top ?? Infinity);
  last = Math.max(last, 1e-3);
  const at = (x) => left + ((width - left - right) * x) / last;
  const up = (y) => bottom - ((bottom - top) * (y - low)) / (high - low);
  for (const tick of ticks(low, high, height / 45)) {
    const y = up(tick.value);
    element("line", { x1: left, x2: width - right, y1: y, y2: y, stroke: "var(--line)" }, svg);
    element("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, svg, tick.text);
  }
  for (const tick of ticks(0, last, (width - left - right) / 70)) {
    element("text", { x: at(tick.value), y: height - 5, "text-anchor": "middle" }, svg, tick.text);
  }
  element("text", { x: width - right + 13, y: height - 5 }, svg, "epochs");
  for (const one of shown) {
    let path = "";
    let open = false;
    for (const [x, y] of one.points) {
      if (y === null) continue;
      path += `${open ? "L" : "M"}${at(x).toFixed(1)} ${up(y).toFixed(1)}`;
      open = true;
    }
    const style = { d: path, fill: "none", stroke: one.colour, "stroke-width": one.faint ? 1.2 : 2 };
    if (one.faint) style["stroke-opacity"] = 0.75;
    element("path", { ...style, "stroke-linejoin": "round" }, svg);
    const dots = one.points.filter((point) => point[1] !== null);
    if (one.dots || dots.length === 1) {
      for (const [x, y] of dots.length <= 60 ? dots : []) {
        element("circle", { cx: at(x), cy: up(y), r: 3, fill: one.colour }, svg);
      }
    }
  }
  const places = apart(ends.map((end) => up(end[1]) + 4), 14, bottom);
  shown.forEach((one, index) => {
    const where = { x: width - right + 7, y: places[index], style: `fill: ${one.colour}` };
    element("text", where, svg, labels[index]);
  });
  box.replaceChildren(svg);
}

/** Draw how many weights are where, from the most negative to the most positive. */
export function histogram(box, counts, colour, about) {
  const width = Math.max(60, box.clientWidth);
  const height = 64;
  const svg = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.setAttribute("aria-label", about);
  const most = Math.max(1, ...counts);
  const each = width / counts.length;
  counts.forEach((count, index) => {
    const high = count ? Math.max(1, (height - 4) * (count / most)) : 0;
    const attributes = { x: index * each + 0.5, width: Math.max(0.5, each - 1), y: height - high, height: high };
    element("rect", { ...attributes, fill: colour }, svg);
  });
  element("line", { x1: width / 2, x2: width / 2, y1: 0, y2: height, stroke: "var(--axis)", "stroke-dasharray": "3 3" }, svg);
  element("line", { x1: 0, x2: width, y1: height, y2: height, stroke: "var(--axis)" }, svg);
  box.replaceChildren(svg);
}
