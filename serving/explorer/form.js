// The controls of what is asked: they show a state, and say what a user changed of it.

import { byId, element, fill } from "./element.js";
import { percent } from "./figures.js";
import { HOST, isGiven } from "./state.js";
import { showMechanisms } from "./mechanisms.js";
import { OWN, ownOption, showProfile } from "./profile.js";

const LABELS = { cores: "Cores", memory_gb: "Memory", network_gbps: "Network", storage_iops: "Storage" };
const DEMANDS = {
  reference: "its demands are the reference's",
  traced: "its demands were counted on the real program",
  assumed: "its demands are assumed",
};
const LEVELS = [0.8, 0.9, 0.95, 0.99];

/** Build the controls once; `change(patch)` is told what a user changed. */
export function buildForm(words, change) {
  const families = new Map();
  for (const workload of words.workloads) {
    if (!families.has(workload.family)) families.set(workload.family, []);
    families.get(workload.family).push(workload);
  }
  fill(
    byId("workload"),
    [...families].map(([family, members]) =>
      element("optgroup", { label: family }, members.map((w) => element("option", { value: w.name }, w.name))),
    ),
  );
  fill(
    byId("runtime"),
    words.runtimes.map((r) => element("option", { value: r.name }, r.name)),
  );
  fill(
    byId("host"),
    words.host.map((field) => hostField(field, change)),
  );
  fill(
    byId("level"),
    LEVELS.map((level) => element("option", { value: level }, percent(level))),
  );
  byId("workload").addEventListener("change", (event) => {
    // A named workload in place of a profile; the profile itself is chosen already.
    if (event.target.value !== OWN) change({ workload: event.target.value, profile: null }, event);
  });
  byId("runtime").addEventListener("change", (event) => change({ runtime: event.target.value }, event));
  byId("level").addEventListener("change", (event) => change({ level: Number(event.target.value) }, event));
  byId("unit").addEventListener("input", (event) => change({ unit: event.target.value }, event));
  byId("native_value").addEventListener("input", (event) => change({ native_value: numberOf(event.target) }, event));
  byId("mechanisms-reset").addEventListener("click", (event) => change({ mechanisms: {} }, event));
  byId("question").addEventListener("submit", (event) => event.preventDefault());
}

function hostField(field, change) {
  const input = element("input", {
    id: field.name,
    name: field.name,
    type: "number",
    min: field.low,
    max: field.high,
    step: "any",
    inputmode: "decimal",
    placeholder: "unknown",
    title: `${field.meaning.split(";")[0]}, ${field.low} to ${field.high}`,
    "aria-describedby": `${field.name}-problem`,
  });
  input.addEventListener("input", (event) => change({ host: { [field.name]: numberOf(input) } }, event));
  return element(
    "div",
    {},
    element(
      "label",
      { class: "field", for: field.name },
      element("span", {}, LABELS[field.name] ?? field.name),
      element("span", { class: "unit" }, field.unit === "cores" ? "" : field.unit),
    ),
    input,
    element("p", { class: "complaint", id: `${field.name}-problem` }),
  );
}

/** The number of an input, null when it is empty; what is no number is the service's to refuse. */
function numberOf(input) {
  if (input.validity.badInput) return "?";
  return input.value.trim() === "" ? null : Number(input.value);
}

/** Show a state in the controls, without touching the one that is being typed in. */
export function showForm(words, state, change) {
  chooseWorkload(byId("workload"), state);
  choose(byId("runtime"), state.runtime);
  choose(byId("level"), String(state.level));
  for (const name of HOST) type(byId(name), state.host[name]);
  type(byId("native_value"), state.native_value);
  type(byId("unit"), state.unit);
  const workload = words.workloads.find((entry) => entry.name === state.workload);
  byId("workload-about").textContent = workload ? `${workload.title}; ${DEMANDS[workload.kind] ?? workload.kind}` : "";
  byId("workload-about").title = workload ? workload.source : "";
  const runtime = words.runtimes.find((entry) => entry.name === state.runtime);
  byId("runtime-about").textContent = runtime ? runtime.title : "";
  showProfile(state);
  showMechanisms(words, state, change);
}

/** Choose what is asked of in a select of workloads, a caller's own profile among them. */
export function chooseWorkload(select, state) {
  select.querySelector(`option[value="${OWN}"]`)?.remove();
  const own = ownOption(state);
  if (own) select.prepend(own);
  choose(select, own ? OWN : state.workload);
}

/** Mark the fields that the service finds wrong. */
export function showProblems(details) {
  for (const name of [...HOST, "native_value", "unit"]) {
    const found = details.find((detail) => detail.field === name);
    const input = byId(name);
    if (found) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    const place = byId(`${name}-problem`);
    if (place) place.textContent = found ? found.message : "";
  }
}

function choose(select, value) {
  if (![...select.options].some((option) => option.value === value)) {
    // From a link, and no word of the vocabulary: shown as it came, so that it can be mended.
    select.append(element("option", { value }, value));
  }
  select.value = value;
}

function type(input, value) {
  if (document.activeElement === input) return;
  // A text from a link cannot stand in a number's field; the failure says what it was.
  const fits = isGiven(value) && (input.type !== "number" || typeof value === "number");
  input.value = fits ? value : "";
}
