// The drawing of a sweep: a line with its band over a scale of the host, and measured points.

import { percent, short } from "./figures.js";

const { area, axisBottom, axisLeft, line, scaleLinear, scaleLog, scalePoint, select, symbol, symbolCircle, symbolDiamond } =
  window.d3;

const HEIGHT = 310;
const MARGIN = { top: 26, right: 16, bottom: 40, left: 46 };
// Where measurements stand that do not say where on the axis they were made.
const STRIP = 74;

/** Draw a sweep into `holder`; returns the scale's places, for the cursor.
 *
 * sweep: {values, records, points, axis, label, runtime}; asked: the value of the form, or null.
 */
export function drawPlot(holder, sweep, asked) {
  const width = Math.max(280, holder.clientWidth);
  const unplaced = sweep.points.filter((point) => point.at === null);
  const strip = unplaced.length ? STRIP : 0;
  const svg = select(holder).selectAll("svg").data([0]).join("svg");
  svg.attr("width", width).attr("height", HEIGHT).attr("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.selectAll("*").remove();

  const categorical = sweep.axis === "page_size";
  const range = [MARGIN.left + strip + (strip ? 14 : 0), width - MARGIN.right];
  const placed = sweep.points.filter((point) => point.at !== null);
  const x = categorical
    ? scalePoint().domain(sweep.values).range(range).padding(0.5)
    : scaleLog().domain(extent(sweep.values)).range(range).clamp(true);
  const highs = sweep.records.map((record) => record.interval[1]);
  const top = Math.max(1, ...highs, ...sweep.points.map((point) => Math.min(point.retained, 1.5)));
  const y = scaleLinear().domain([0, top * 1.02]).range([HEIGHT - MARGIN.bottom, MARGIN.top]).clamp(true);

  drawAxes(svg, x, y, { width, categorical, sweep, range });
  if (strip) drawStrip(svg, y, unplaced, sweep.runtime);
  const at = sweep.values.map((value) => x(value));
  if (categorical) drawIntervals(svg, at, y, sweep.records);
  else drawBand(svg, at, y, sweep.records);
  if (asked !== null && sweep.values.includes(asked)) {
    svg.append("line").attr("class", "asked").attr("x1", x(asked)).attr("x2", x(asked))
      .attr("y1", MARGIN.top).attr("y2", HEIGHT - MARGIN.bottom);
  }
  svg.append("line").attr("class", "cursor").attr("y1", MARGIN.top).attr("y2", HEIGHT - MARGIN.bottom)
    .attr("visibility", "hidden");
  svg.append("circle").attr("class", "cursor-point").attr("r", 5).attr("visibility", "hidden");
  drawPoints(svg, placed.filter((point) => inside(point, sweep, categorical)), (point) => x(point.at), y, sweep.runtime);
  return { at, y };
}

/** Move the cursor to a place of the sweep. */
export function moveCursor(holder, drawn, record, index) {
  const svg = select(holder).select("svg");
  svg.select(".cursor").attr("visibility", "visible").attr("x1", drawn.at[index]).attr("x2", drawn.at[index]);
  svg.select(".cursor-point").attr("visibility", "visible").attr("cx", drawn.at[index]).attr("cy", drawn.y(record.retained));
}

function drawAxes(svg, x, y, { width, categorical, sweep, range }) {
  const foot = HEIGHT - MARGIN.bottom;
  svg.append("g").attr("class", "rules").selectAll("line").data(y.ticks(5)).join("line")
    .attr("class", (share) => (share === 1 ? "grid native" : "grid"))
    .attr("x1", MARGIN.left).attr("x2", width - MARGIN.right).attr("y1", y).attr("y2", y);
  svg.append("g").attr("class", "scale").attr("transform", `translate(${MARGIN.left},0)`)
    .call(axisLeft(y).ticks(5).tickSize(0).tickPadding(8).tickFormat((share) => `${Math.round(share * 100)}`));
  const bottom = axisBottom(x).tickSize(4).tickPadding(6);
  if (!categorical) bottom.tickValues(spaced(sweep.values, x)).tickFormat(short);
  svg.append("g").attr("class", "scale").attr("transform", `translate(0,${foot})`).call(bottom);
  svg.append("text").attr("class", "title").attr("x", range[1]).attr("y", HEIGHT - 4)
    .attr("text-anchor", "end").text(sweep.label);
  svg.append("text").attr("class", "title").attr("x", 0).attr("y", 11).text("% of bare metal");
}

/** The ticks that do not run into one another. */
function spaced(values, x) {
  const kept = [];
  for (const value of values) {
    if (!kept.length || x(value) - x(kept[kept.length - 1]) > 34) kept.push(value);
  }
  return kept;
}

function drawBand(svg, at, y, records) {
  const rows = records.map((record, i) => ({ record, at: at[i] }));
  svg.append("path").attr("class", "band").attr(
    "d",
    area().x((row) => row.at).y0((row) => y(row.record.interval[0])).y1((row) => y(row.record.interval[1]))(rows),
  );
  svg.append("path").attr("class", "line").attr("d", line().x((row) => row.at).y((row) => y(row.record.retained))(rows));
  svg.append("g").selectAll("circle").data(rows).join("circle").attr("class", (row) =>
    row.record.novelty.extrapolating ? "node extrapolating" : "node",
  ).attr("r", 2.5).attr("cx", (row) => row.at).attr("cy", (row) => y(row.record.retained));
}

function drawIntervals(svg, at, y, records) {
  const each = svg.append("g").selectAll("g").data(records).join("g").attr("transform", (_, i) => `translate(${at[i]},0)`);
  each.append("rect").attr("class", "band").attr("x", -14).attr("width", 28).attr("rx", 3)
    .attr("y", (record) => y(record.interval[1]))
    .attr("height", (record) => y(record.interval[0]) - y(record.interval[1]));
  each.append("line").attr("class", "line").attr("x1", -14).attr("x2", 14)
    .attr("y1", (record) => y(record.retained)).attr("y2", (record) => y(record.retained));
}

function drawStrip(svg, y, points, runtime) {
  const left = MARGIN.left + 4;
  svg.append("rect").attr("class", "strip").attr("x", left).attr("width", STRIP).attr("rx", 4)
    .attr("y", MARGIN.top).attr("height", HEIGHT - MARGIN.bottom - MARGIN.top);
  svg.append("text").attr("class", "note").attr("x", left + STRIP / 2).attr("y", HEIGHT - MARGIN.bottom + 17)
    .attr("text-anchor", "middle").text("not stated");
  // Side by side, so that those of one value are told apart.
  const lane = (point) => left + 12 + ((points.indexOf(point) * 13) % (STRIP - 22));
  drawPoints(svg, points, lane, y, runtime);
}

function drawPoints(svg, points, x, y, runtime) {
  const mark = symbol().size(52);
  svg.append("g").selectAll("path").data(points).join("path")
    .attr("class", (point) => {
      const own = point.source === "observations" ? " own" : "";
      return (point.scenario.runtime === runtime ? "measured" : "measured of-others") + own;
    })
    .attr("d", (point) => mark.type(point.baseline === "native" ? symbolCircle : symbolDiamond)())
    .attr("transform", (point) => `translate(${x(point)},${y(point.retained)})`)
    .append("title")
    .text((point) => `${percent(point.retained)} of ${point.baseline}, ${point.scenario.runtime}, ${point.citation || "your own"}`);
}

function inside(point, sweep, categorical) {
  if (categorical) return sweep.values.includes(point.at);
  const [low, high] = extent(sweep.values);
  return point.at >= low && point.at <= high;
}

function extent(values) {
  return [values[0], values[values.length - 1]];
}
