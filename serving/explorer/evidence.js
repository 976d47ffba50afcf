// The measurements that moved the chosen runtime's answer most, with their citations.

import { byId, element, fill } from "./element.js";
import { percent, short } from "./figures.js";

const UNITS = { cores: "cores", memory_gb: "GB", network_gbps: "Gbit/s", storage_iops: "IOPS" };

/** Show the evidence of a prediction. */
export function showEvidence(runtime, record) {
  const { evidence } = record;
  byId("evidence-about").textContent = evidence.length
    ? "The measurements that moved this answer most."
    : `No measurement moved this answer${runtime === "native" ? ": bare metal is the yardstick" : ""}.`;
  const most = Math.max(...evidence.map((item) => item.weight), 1e-9);
  fill(
    byId("evidence"),
    evidence.map((item) => entry(item, most)),
  );
}

function entry(item, most) {
  const meter = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  window.d3
    .select(meter)
    .attr("class", "meter")
    .attr("height", 4)
    .attr("aria-hidden", "true")
    .append("rect")
    .attr("height", 4)
    .attr("rx", 2)
    .attr("width", `${((100 * item.weight) / most).toFixed(1)}%`);
  const against = item.baseline === "native" ? "of bare metal" : `of what a ${item.baseline} does`;
  const without = item.without === undefined || item.without === null ? null : item.without;
  return element(
    "li",
    { class: item.source === "observations" ? "own" : "" },
    element(
      "div",
      { class: "kept" },
      element("data", { value: item.retained }, percent(item.retained)),
      element("span", { class: "quiet" }, against),
    ),
    element(
      "div",
      {},
      element("p", { class: "scenario" }, told(item.scenario)),
      element("p", { class: "citation" }, item.source === "observations" ? "your own measurement" : item.citation),
      without === null
        ? null
        : element("p", { class: "quiet" }, `Had it not been measured, the answer were ${percent(without)}.`),
    ),
    element("div", { class: "weight" }, element("span", {}, `${percent(item.weight)} of the weight`), meter),
  );
}

/** A scenario in words. */
export function told(scenario) {
  const host = Object.entries(UNITS)
    .filter(([name]) => scenario[name] !== undefined)
    .map(([name, unit]) => `${short(scenario[name])} ${scenario[name] === 1 && name === "cores" ? "core" : unit}`);
  const options = Object.entries(scenario.mechanisms ?? {}).map(([key, value]) => `${key}=${value}`);
  const demands = Object.entries(scenario.demands ?? {}).map(([key, value]) => `${key}=${short(value)}`);
  return [scenario.runtime, scenario.workload ?? "own demands", ...host, ...options, ...demands].join(" · ");
}
