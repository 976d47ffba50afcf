// The caller's own measurements: a form, and the list of those that the answers are conditioned on.

import { settled } from "./choices.js";
import { byId, element, fill } from "./element.js";
import { told } from "./evidence.js";
import { figure, percent } from "./figures.js";
import { chooseWorkload } from "./form.js";
import { OWN, workloadOf } from "./profile.js";
import { HOST, isGiven } from "./state.js";

let wordsOf = null;
let stateOf = () => null;

/** Build the form once; `change` is told of a measurement that was added or taken away. */
export function buildObservations(words, state, change) {
  wordsOf = words;
  stateOf = state;
  const option = (name) => element("option", { value: name }, name);
  const field = (id, label, control) =>
    element("div", {}, element("label", { class: "field", for: id }, element("span", {}, label)), control);
  const number = (id, placeholder) => element("input", { id, type: "number", step: "any", inputmode: "decimal", placeholder });
  const runtimes = words.runtimes.filter((runtime) => runtime.name !== "native");
  fill(
    byId("observe"),
    field("observe-runtime", "Runtime", element("select", { id: "observe-runtime" }, runtimes.map((r) => option(r.name)))),
    field("observe-workload", "Workload", element("select", { id: "observe-workload" }, words.workloads.map((w) => option(w.name)))),
    field("observe-value", "Measured in it", number("observe-value", "7 200")),
    field("observe-baseline", "On bare metal", number("observe-baseline", "12 000")),
    field("observe-unit", "Unit", element("input", { id: "observe-unit", type: "text", maxlength: 40, placeholder: "requests/s" })),
    element("button", { type: "submit", class: "strong" }, "Add"),
    element("p", { class: "hint" }, "Or the share alone: leave bare metal and unit empty, and give 0.6 for 60 %. In ns, us, ms or s less is better. The host and its options are taken as asked for now."),
  );
  byId("observe").addEventListener("submit", (event) => {
    event.preventDefault();
    add(change, event);
  });
}

/** Follow the asked scenario, and list the measurements of a state. */
export function showObservations(state, change, refused) {
  if (!byId("observe").contains(document.activeElement)) {
    if (state.runtime !== "native") byId("observe-runtime").value = state.runtime;
    chooseWorkload(byId("observe-workload"), state);
  }
  byId("observe-complaint").textContent = refused ?? "";
  fill(
    byId("observations"),
    state.observations.map((entry, place) => {
      const kept = share(entry);
      return element(
        "li",
        {},
        element("strong", {}, kept === null ? "?" : percent(kept)),
        element("span", {}, told(entry)),
        entry.unit ? element("span", { class: "quiet" }, `${figure(entry.value)} of ${figure(entry.baseline_value)} ${entry.unit}`) : null,
        element(
          "button",
          {
            type: "button",
            class: "plain",
            "aria-label": `Take away measurement ${place + 1}`,
            onclick: (event) => change({ observations: state.observations.filter((_, i) => i !== place) }, event),
          },
          "Take away",
        ),
      );
    }),
  );
}

const TIMES = /^(ns|us|µs|μs|ms|s|n?sec|[um]sec|secs|min|h|(nano|micro|milli)?seconds?|minutes?|hours?)\b/i;

/** What an entry keeps, as the service works it out; shown only. */
function share(entry) {
  if (isGiven(entry.retained)) return entry.retained;
  if (!isGiven(entry.value) || !isGiven(entry.baseline_value)) return null;
  const ratio = entry.value / entry.baseline_value;
  return TIMES.test(entry.unit ?? "") ? 1 / ratio : ratio;
}

function add(change, event) {
  const state = stateOf();
  const text = (id) => byId(id).value.trim();
  const complain = (said, id) => {
    byId("observe-complaint").textContent = said;
    byId(id).focus();
  };
  if (!text("observe-value")) return complain("What was measured is missing.", "observe-value");
  if (text("observe-baseline") && !text("observe-unit")) return complain("A unit is missing: it says whether less is better.", "observe-unit");
  if (text("observe-unit") && !text("observe-baseline")) return complain("What bare metal reached is missing.", "observe-baseline");
  if (state.observations.length >= wordsOf.max_observations) {
    return complain(`At most ${wordsOf.max_observations} are taken.`, "observe-value");
  }
  const runtime = text("observe-runtime");
  const workload = text("observe-workload");
  const entry = { runtime, ...(workload === OWN ? workloadOf(state) : { workload }) };
  for (const name of HOST) if (isGiven(state.host[name])) entry[name] = state.host[name];
  const { kept } = settled(wordsOf, runtime, state.mechanisms);
  if (Object.keys(kept).length) entry.mechanisms = kept;
  if (text("observe-baseline")) {
    Object.assign(entry, { value: Number(text("observe-value")), baseline_value: Number(text("observe-baseline")), unit: text("observe-unit") });
  } else {
    entry.retained = Number(text("observe-value"));
  }
  byId("observe-value").value = "";
  return change({ observations: [...state.observations, entry] }, event);
}
