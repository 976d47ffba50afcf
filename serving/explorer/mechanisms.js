// The mechanisms as selects: those of the chosen runtime first, then what only others can have.

import { settled } from "./choices.js";
import { byId, element, fill } from "./element.js";
import { words as spoken } from "./figures.js";

let built = null;

/** Show the options of a state; rebuilt only when the runtime or the options change. */
export function showMechanisms(words, state, change) {
  const now = JSON.stringify([state.runtime, state.mechanisms]);
  if (now === built) return;
  built = now;
  const focused = document.activeElement?.id;
  const runtime = words.runtimes.find((entry) => entry.name === state.runtime);
  const { dropped } = settled(words, state.runtime, state.mechanisms);
  const own = [];
  const others = [];
  for (const mechanism of words.mechanisms) {
    const has = runtime && runtime.allowed[mechanism.key].length > 1;
    (has ? own : others).push(control(words, mechanism, runtime, state, dropped, change));
  }
  fill(byId("mechanisms"), own);
  fill(byId("mechanisms-other"), others);
  // What is chosen is seen, wherever it stands.
  if (byId("mechanisms-other").querySelector(".chosen")) byId("mechanisms-more").open = true;
  const set = Object.keys(state.mechanisms).length;
  byId("mechanisms-count").textContent = set ? `${set} chosen` : "";
  byId("mechanisms-reset").hidden = set === 0;
  if (focused?.startsWith("with-")) byId(focused)?.focus();
}

function control(words, mechanism, runtime, state, dropped, change) {
  const { key } = mechanism;
  const id = `with-${key}`;
  const given = state.mechanisms[key];
  const preset = runtime?.preset[key];
  const select = element(
    "select",
    { id, "aria-describedby": `${id}-about` },
    element("option", { value: "" }, preset ? `${preset} (its own)` : "its own"),
    mechanism.values
      .filter((option) => words.runtimes.some((r) => r.allowed[key].includes(option.value)))
      .map((option) => {
        const can = !runtime || runtime.allowed[key].includes(option.value);
        const label = can ? option.value : `${option.value} (not ${runtime.name})`;
        return element("option", { value: option.value, title: option.means }, label);
      }),
  );
  if (given !== undefined && ![...select.options].some((option) => option.value === given)) {
    select.append(element("option", { value: given }, given));
  }
  select.value = given ?? "";
  select.addEventListener("change", (event) => {
    const mechanisms = { ...state.mechanisms };
    delete mechanisms[key];
    // The one chosen last is the one that gives way, as for POST /compare.
    if (select.value) mechanisms[key] = select.value;
    change({ mechanisms }, event);
  });
  const option = mechanism.values.find((entry) => entry.value === given);
  const about = option ? option.means : "";
  const refused = dropped[key] ? `Left out for ${state.runtime}: ${dropped[key]}.` : "";
  return element(
    "div",
    { class: given === undefined ? "option" : "option chosen" },
    element("label", { class: "field", for: id, title: mechanism.meaning }, element("span", {}, spoken(key))),
    select,
    element(
      "p",
      { class: "hint", id: `${id}-about` },
      about,
      refused ? element("span", { class: "refused" }, ` ${refused}`) : null,
    ),
  );
}
