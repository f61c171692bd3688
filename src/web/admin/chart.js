// A chart of figures over the last minutes: inline SVG, drawn anew with each reading, read out at the pointer, and as a table for
// whoever cannot see it.

import { h, newId, replace, setText, svg } from "./dom.js";

const HEIGHT = 168;
const MARGIN = { top: 8, right: 10, bottom: 22, left: 52 };
const TABLE_STEP_MS = 15_000;
const MINUTE = 60_000;

/**
 * @param {{title: string, description: string, show: (value: number) => string, spanMs: number, least: number,
 *   series: Array<{label: string, colour: string, value: (point: object) => number | null}>, stacked?: boolean,
 *   hidesIdle?: boolean}} chart
 *   `least`: the top of the scale is no lower; `colour`: a class of charts.css; `stacked`: areas, the first one lowest;
 *   `hidesIdle`: series that were zero all along are not in the legend
 * @returns {{element: HTMLElement, update: (points: object[], now: number) => void}}
 */
export function createChart(chart) {
  const [titleId, descId] = [newId("chart"), newId("chart")];
  const drawing = svg("g");
  const hair = svg("line", { class: "hair", y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, visibility: "hidden" });
  const picture = svg(
    "svg",
    { role: "img", "aria-labelledby": `${titleId} ${descId}`, class: "picture" },
    svg("title", { id: titleId }, chart.title),
    svg("desc", { id: descId }, chart.description),
    drawing,
    hair,
  );
  const legend = chart.series.map((series) => {
    const figure = h("span", { class: "figure" }, "–");
    return { series, figure, item: h("li", {}, h("i", { class: `key ${series.colour}` }), series.label, " ", figure) };
  });
  const when = h("span", { class: "when" }, "now");
  const table = tableOf(chart);
  const element = h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("h3", {}, chart.title), when),
    h(
      "ul",
      { class: "legend" },
      legend.map(({ item }) => item),
    ),
    picture,
    table.element,
  );

  let [points, now, pointer] = [[], 0, null];
  const draw = () => {
    const width = Math.max(280, picture.clientWidth);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    const scale = scales(chart, points, now, width);
    replace(drawing, axes(chart, scale, width), lines(chart, points, scale));
    const shown = pointer === null ? points.at(-1) : nearest(points, scale.time(pointer * width));
    hair.setAttribute("visibility", pointer === null || shown === undefined ? "hidden" : "visible");
    if (shown === undefined) return;
    hair.setAttribute("x1", scale.x(shown.at));
    hair.setAttribute("x2", scale.x(shown.at));
    setText(when, pointer === null ? "now" : `${Math.round((now - shown.at) / 1000)} s ago`);
    for (const { series, figure, item } of legend) {
      const value = series.value(shown);
      setText(figure, value === null || value === undefined ? "–" : chart.show(value));
      if (chart.hidesIdle) item.hidden = !points.some((point) => series.value(point) > 0);
    }
  };
  picture.addEventListener("pointermove", (event) => {
    const box = picture.getBoundingClientRect();
    pointer = (event.clientX - box.left) / box.width;
    draw();
  });
  picture.addEventListener("pointerleave", () => {
    pointer = null;
    draw();
  });
  new ResizeObserver(draw).observe(picture);
  return {
    element,
    update(newPoints, newNow) {
      [points, now] = [newPoints, newNow];
      draw();
      table.update(points, now);
    },
  };
}

function scales(chart, points, now, width) {
  const of = (point) => chart.series.map((series) => series.value(point) ?? 0);
  const top = (point) => (chart.stacked ? of(point).reduce((sum, value) => sum + value, 0) : Math.max(...of(point)));
  const highest = points.reduce((high, point) => Math.max(high, top(point)), chart.least);
  const step = niceStep(highest / 3);
  const ceiling = Math.ceil(highest / step) * step;
  const [inner, tall] = [width - MARGIN.left - MARGIN.right, HEIGHT - MARGIN.top - MARGIN.bottom];
  return {
    step,
    ceiling,
    x: (at) => MARGIN.left + (1 - (now - at) / chart.spanMs) * inner,
    y: (value) => MARGIN.top + (1 - value / ceiling) * tall,
    time: (x) => now - (1 - (x - MARGIN.left) / inner) * chart.spanMs,
  };
}

// 1, 2 or 5 times a power of ten, at least `rough`.
function niceStep(rough) {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
}

function axes(chart, scale, width) {
  const marks = [];
  for (let i = 0; i * scale.step <= scale.ceiling * 1.001; i += 1) {
    const y = scale.y(i * scale.step);
    marks.push(svg("line", { class: i === 0 ? "base" : "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }));
    marks.push(svg("text", { class: "mark", x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, chart.show(i * scale.step)));
  }
  const now = scale.time(width - MARGIN.right);
  // Every minute; where that is too tight, every other.
  const isTight = (width - MARGIN.left) * MINUTE < 64 * chart.spanMs;
  for (let ago = 0; ago <= chart.spanMs; ago += MINUTE) {
    if (isTight && ago > 0 && ((chart.spanMs - ago) / MINUTE) % 2 === 1) continue;
    const anchor = ago === 0 ? "end" : ago === chart.spanMs ? "start" : "middle";
    const text = ago === 0 ? "now" : `−${ago / MINUTE} min`;
    marks.push(svg("text", { class: "mark", x: scale.x(now - ago), y: HEIGHT - 5, "text-anchor": anchor }, text));
  }
  return marks;
}

function lines(chart, points, scale) {
  const below = new Map();
  return chart.series.map((series) => {
    const runs = [[]];
    for (const point of points) {
      const value = series.value(point);
      if (scale.x(point.at) < MARGIN.left) continue;
      if (value === null || value === undefined) {
        runs.push([]);
        continue;
      }
      const floor = below.get(point) ?? 0;
      if (chart.stacked) below.set(point, floor + value);
      runs.at(-1).push([scale.x(point.at), scale.y(chart.stacked ? floor + value : value), scale.y(floor)]);
    }
    return runs.filter((run) => run.length > 0).map((run) => drawn(run, series, chart.stacked));
  });
}

function drawn(run, series, isArea) {
  const at = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const upper = run.map(at).join("L");
  if (run.length === 1) return svg("circle", { class: `dot ${series.colour}`, cx: run[0][0], cy: run[0][1], r: 2 });
  if (!isArea) return svg("path", { class: `line ${series.colour}`, d: `M${upper}` });
  const lower = run
    .toReversed()
    .map(([x, , floor]) => at([x, floor]))
    .join("L");
  return svg("path", { class: `area ${series.colour}`, d: `M${upper}L${lower}Z` });
}

function nearest(points, time) {
  return points.reduce(
    (best, point) => (best === undefined || Math.abs(point.at - time) < Math.abs(best.at - time) ? point : best),
    undefined,
  );
}

// The same figures as a table, filled in while it is open.
function tableOf(chart) {
  const body = h("tbody");
  const head = h(
    "tr",
    {},
    h("th", { scope: "col" }, "Seconds ago"),
    chart.series.map(({ label }) => h("th", { scope: "col", class: "number" }, label)),
  );
  const element = h(
    "details",
    {},
    h("summary", {}, "As a table"),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": `${chart.title}, as a table` },
      h("table", {}, h("thead", {}, head), body),
    ),
  );
  let last = null;
  const fill = ({ points, now }) => {
    const rows = [];
    for (let ago = 0; ago < chart.spanMs && points.length > 0; ago += TABLE_STEP_MS) {
      const point = nearest(points, now - ago);
      if (Math.abs(point.at - (now - ago)) > TABLE_STEP_MS / 2) continue;
      const cells = chart.series.map((series) => series.value(point) ?? null);
      rows.push(
        h(
          "tr",
          {},
          h("th", { scope: "row" }, String(ago / 1000)),
          cells.map((value) => h("td", { class: "number" }, value === null ? "–" : chart.show(value))),
        ),
      );
    }
    replace(body, rows);
  };
  element.addEventListener("toggle", () => element.open && last !== null && fill(last));
  return {
    element,
    update(points, now) {
      last = { points, now };
      if (element.open) fill(last);
    },
  };
}
