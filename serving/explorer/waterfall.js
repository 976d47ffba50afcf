// The chosen runtime from bare metal to the answer: a row for each named part, and what was learned.

import { byId, element, fill } from "./element.js";
import { percent, span } from "./figures.js";
import { across, drawAxis, drawGrid } from "./scale.js";
import { explain } from "./tooltip.js";

const { select } = window.d3;
const HEIGHT = 24;
const MIDDLE = HEIGHT / 2;

/** The steps of a prediction: what is left before and after each. */
export function stepsOf(record) {
  const steps = [{ kind: "native", name: "bare metal", before: 0, after: 1, factor: null }];
  let left = 1;
  for (const part of record.parts) {
    steps.push({ kind: "part", name: part.name, part, before: left, after: left * part.factor, factor: part.factor });
    left *= part.factor;
  }
  const learned = { kind: "learned", name: "learned from measurements", factor: record.residual_factor };
  steps.push({ ...learned, before: left, after: left * record.residual_factor });
  steps.push({ kind: "predicted", name: "predicted", before: 0, after: record.retained, factor: null });
  return steps;
}

/** Draw the waterfall of a prediction. */
export function drawWaterfall(words, record) {
  const steps = stepsOf(record);
  const scale = across(Math.max(record.interval[1], ...steps.map((step) => step.after)));
  const axis = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  select(axis).attr("class", "axis").attr("height", 18).attr("aria-hidden", "true").call(drawAxis, scale);
  fill(
    byId("waterfall").tHead,
    element(
      "tr",
      {},
      element("th", { scope: "col" }, "part"),
      element("th", { scope: "col", class: "wide" }, "resource"),
      element("th", { scope: "col", class: "drawn" }, element("span", { class: "unseen" }, "drawn"), axis),
      element("th", { scope: "col", class: "number factor" }, "factor"),
      element("th", { scope: "col", class: "number" }, "left"),
    ),
  );
  select(byId("waterfall").tBodies[0])
    .selectAll("tr")
    .data(steps, (step) => `${step.kind} ${step.name} ${step.part?.resource ?? ""}`)
    .join((enter) => enter.append((step) => row(words, step)))
    .order()
    .each(function draw(step) {
      drawRow(this, step, record, scale);
    });
}

function row(words, step) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const drawn = select(svg).attr("height", HEIGHT).attr("aria-hidden", "true").attr("class", "step");
  drawn.append("line").attr("class", "from");
  drawn.append("rect").attr("class", "fill").attr("y", MIDDLE - 7).attr("height", 14).attr("rx", 1.5);
  drawn.append("line").attr("class", "whisker");
  const told = step.kind === "part" || step.kind === "learned";
  const name = told ? element("button", { type: "button", class: "part" }, step.name) : step.name;
  const made = element(
    "tr",
    { class: step.kind },
    element("th", { scope: "row" }, name),
    element("td", { class: "wide quiet" }),
    element("td", { class: "drawn" }, svg),
    element("td", { class: "number factor" }),
    element("td", { class: "number" }, element("data", {})),
  );
  if (told) explain(name, () => about(words, made.__step));
  return made;
}

function drawRow(tr, step, record, scale) {
  tr.__step = step;
  tr.cells[1].textContent = step.part?.resource ?? "";
  tr.cells[3].textContent = step.factor === null ? "" : `× ${step.factor.toFixed(3)}`;
  const left = tr.querySelector("data");
  left.value = step.after;
  left.textContent = percent(step.after);
  if (step.factor !== null) tr.dataset.factor = step.factor;
  tr.classList.toggle("gain", step.after > step.before && step.factor !== null);
  const svg = select(tr.querySelector("svg")).call(drawGrid, scale);
  const [from, to] = [step.before, step.after].sort((a, b) => a - b);
  // A part that takes next to nothing is still seen to be there.
  svg.select(".fill").attr("x", scale.at(from)).attr("width", scale.wide(from, Math.max(to, from + 0.002)));
  svg
    .select(".from")
    .attr("x1", scale.at(step.before))
    .attr("x2", scale.at(step.before))
    .attr("y1", 0)
    .attr("y2", step.factor === null ? 0 : HEIGHT);
  const whisker = svg.select(".whisker").attr("y1", MIDDLE).attr("y2", MIDDLE);
  if (step.kind === "predicted") {
    whisker.attr("x1", scale.at(record.interval[0])).attr("x2", scale.at(record.interval[1]));
  }
}

/** Formula and source of a part, or what the learned factor is. */
function about(words, step) {
  if (step.kind === "learned") {
    return [
      element("p", { class: "title" }, `learned × ${step.factor.toFixed(3)}`),
      element("p", {}, "What the measurements say beyond the formulas, for scenarios like this one."),
      element("p", { class: "quiet" }, "F17: Σ αᵢ φᵢ(x), the mean of a Gaussian process on the log residual."),
    ];
  }
  const { part } = step;
  const named = part.formula.split(", ").map((name) => words.formulas.find((f) => f.name === name) ?? { name });
  return [
    element("p", { class: "title" }, `${part.name} × ${part.factor.toFixed(3)}`),
    part.range ? element("p", {}, `${span(part.range)} over the ranges of its constants`) : null,
    element(
      "dl",
      {},
      named.map((formula) => [
        element("dt", {}, formula.name),
        element(
          "dd",
          {},
          formula.says ?? "",
          formula.form ? element("code", {}, formula.form) : null,
        ),
      ]),
    ),
    element("p", { class: "quiet" }, `Source: ${part.source}`),
  ];
}
