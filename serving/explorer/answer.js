// The chosen runtime's answer in words: what it keeps, how sure that is, what is doubtful.

import { byId, element, fill } from "./element.js";
import { figure, percent, span } from "./figures.js";

const INSTANCE = [
  ["start_ms", "starts in", "ms"],
  ["memory_mb", "holds", "MB"],
  ["density_per_host", "fits on a host", "times"],
];

/** Show a prediction's headline, warning and figures. */
export function showAnswer(runtime, record) {
  fill(
    byId("headline"),
    element("span", { class: "name" }, runtime),
    " keeps ",
    element("data", { value: record.retained, class: "big" }, percent(record.retained)),
    " of bare metal",
  );
  const level = percent(record.level);
  const value = record.unit ? `, ${figure(record.value)} ${record.unit}` : "";
  byId("interval").textContent = `${span(record.interval)} with probability ${level}${value}`;
  showWarning(record.novelty);
  fill(
    byId("instance"),
    INSTANCE.filter(([name]) => record.instance?.[name]).map(([name, label, unit]) => {
      const { value: found, interval } = record.instance[name];
      return element(
        "div",
        {},
        element("dt", {}, label),
        element("dd", {}, `${figure(found)} ${unit}`),
        element("dd", { class: "quiet" }, `${figure(interval[0])} to ${figure(interval[1])}`),
      );
    }),
  );
}

function showWarning({ extrapolating, reasons }) {
  const box = byId("warning");
  box.hidden = !extrapolating && reasons.length === 0;
  box.classList.toggle("strong", extrapolating);
  fill(
    box,
    extrapolating
      ? element("p", {}, element("strong", {}, "Extrapolated. "), "Take this answer with care:")
      : null,
    reasons.length ? element("ul", {}, reasons.map((reason) => element("li", {}, reason))) : null,
  );
}

/** Show a failure in words; null takes it away. */
export function showFailure(failure) {
  const box = byId("failure");
  box.hidden = failure === null;
  byId("results").classList.toggle("stale", failure !== null);
  if (failure === null) {
    fill(box);
    return;
  }
  const said = failure.status === 422 ? "This cannot be asked." : failure.message;
  const details = failure.details ?? [];
  fill(
    box,
    element("p", {}, element("strong", {}, said)),
    details.length
      ? element(
          "ul",
          {},
          details.map((detail) => element("li", {}, element("code", {}, detail.field), ` ${detail.message}`)),
        )
      : null,
    element("p", { class: "quiet" }, "What is shown below is the last answer."),
  );
}

let announcing = null;

/** Tell a screen reader, once it is quiet. */
export function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    byId("announcement").textContent = text;
  }, 700);
}
