// All runtimes as bars with intervals, in the order of the answer: a table whose cells are drawn in.

import { byId, element, fill, keyed } from "./element.js";
import { figure, percent, span } from "./figures.js";
import { across, drawAxis, drawGrid } from "./scale.js";

const { select } = window.d3;
const HEIGHT = 32;
const MIDDLE = HEIGHT / 2;

/** Draw the predictions of a comparison; `before` are those without own measurements, or null. */
export function drawBars(comparison, { chosen, before, onChoose }) {
  const { predictions } = comparison;
  const earlier = new Map((before?.predictions ?? []).map((record) => [record.runtime, record]));
  const all = [...predictions, ...earlier.values()];
  const scale = across(Math.max(...all.map((record) => record.interval[1])));
  const unit = predictions[0]?.unit;
  drawHead(scale, predictions[0]?.level ?? 0.9, unit);
  select(byId("bars").tBodies[0])
    .selectAll("tr")
    .data(predictions, (record) => record.runtime)
    .join((enter) => enter.append((record) => row(record.runtime, onChoose)))
    .order()
    .each(function draw(record) {
      drawRow(this, record, earlier.get(record.runtime), scale, record.runtime === chosen, unit);
    });
  drawKey(before !== null);
}

function drawHead(scale, level, unit) {
  const axis = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  select(axis).attr("class", "axis").attr("height", 18).attr("aria-hidden", "true").call(drawAxis, scale);
  fill(
    byId("bars").tHead,
    element(
      "tr",
      {},
      element("th", { scope: "col" }, "runtime"),
      element("th", { scope: "col", class: "drawn" }, element("span", { class: "unseen" }, "drawn"), axis),
      element("th", { scope: "col", class: "number" }, "keeps"),
      element("th", { scope: "col", class: "number wide" }, `${percent(level)} interval`),
      unit ? element("th", { scope: "col", class: "number" }, unit) : null,
    ),
  );
}

function row(runtime, onChoose) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const drawn = select(svg).attr("height", HEIGHT).attr("aria-hidden", "true").attr("class", "bar");
  drawn.append("rect").attr("class", "fill").attr("y", MIDDLE - 7).attr("height", 14).attr("rx", 2);
  drawn.append("line").attr("class", "before-range");
  drawn.append("line").attr("class", "before-point");
  drawn.append("line").attr("class", "whisker");
  drawn.append("line").attr("class", "cap low");
  drawn.append("line").attr("class", "cap high");
  drawn.append("circle").attr("class", "point").attr("cy", MIDDLE).attr("r", 4);
  const button = element("button", { type: "button", class: "runtime" }, runtime);
  const made = element(
    "tr",
    {},
    element("th", { scope: "row" }, button, element("span", { class: "tag" })),
    element("td", { class: "drawn" }, svg),
    element("td", { class: "number" }, element("data", { class: "kept" }), element("span", { class: "narrow" })),
    element("td", { class: "number wide" }),
  );
  made.addEventListener("click", (event) => onChoose(runtime, event));
  return made;
}

function drawRow(tr, record, earlier, scale, chosen, unit) {
  const [low, high] = record.interval;
  const { extrapolating } = record.novelty;
  tr.dataset.runtime = record.runtime;
  tr.dataset.retained = record.retained;
  tr.dataset.low = low;
  tr.dataset.high = high;
  tr.className = chosen ? "chosen" : "";
  tr.classList.toggle("extrapolating", extrapolating);
  tr.querySelector("button").setAttribute("aria-pressed", chosen);
  tr.querySelector(".tag").textContent = extrapolating ? "extrapolated" : "";
  const kept = tr.querySelector(".kept");
  kept.value = record.retained;
  kept.textContent = percent(record.retained);
  tr.querySelector(".narrow").textContent = span(record.interval);
  tr.cells[3].textContent = span(record.interval);
  if (unit && !tr.cells[4]) tr.append(element("td", { class: "number value" }));
  if (!unit && tr.cells[4]) tr.cells[4].remove();
  if (unit) fill(tr.cells[4], element("data", { value: record.value }, figure(record.value)));

  const svg = select(tr.querySelector("svg")).call(drawGrid, scale);
  svg.select(".fill").attr("x", 0).attr("width", scale.wide(0, record.retained));
  const line = (name, from, to, y1, y2) =>
    svg.select(name).attr("x1", scale.at(from)).attr("x2", scale.at(to)).attr("y1", y1).attr("y2", y2);
  line(".whisker", low, high, MIDDLE, MIDDLE);
  line(".cap.low", low, low, MIDDLE - 4, MIDDLE + 4);
  line(".cap.high", high, high, MIDDLE - 4, MIDDLE + 4);
  svg.select(".point").attr("cx", scale.at(record.retained));
  svg.selectAll(".before-range, .before-point").attr("visibility", earlier ? "visible" : "hidden");
  if (earlier) {
    line(".before-range", earlier.interval[0], earlier.interval[1], HEIGHT - 3, HEIGHT - 3);
    line(".before-point", earlier.retained, earlier.retained, HEIGHT - 6, HEIGHT);
    tr.dataset.before = earlier.retained;
  } else {
    delete tr.dataset.before;
  }
}

function drawKey(compared) {
  fill(
    byId("bars-key"),
    keyed("bar", "keeps of bare metal"),
    keyed("whisker", "interval"),
    keyed("hatch", "extrapolated"),
    compared ? keyed("before", "without your measurements") : null,
  );
}
