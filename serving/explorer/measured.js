// The measured points near a sweep: the evidence of its answers, each once.

import { isGiven } from "./state.js";

/** The measurements behind the answers of a sweep, each with its place on the axis or null. */
export function measuredNear(words, records, axis) {
  const found = new Map();
  for (const { evidence } of records) {
    for (const item of evidence) {
      const name = JSON.stringify([item.source, item.scenario, item.retained, item.baseline]);
      const known = found.get(name);
      if (known) known.weight = Math.max(known.weight, item.weight);
      else found.set(name, { ...item, at: placeOf(words, item.scenario, axis) });
    }
  }
  return [...found.values()].sort((a, b) => b.weight - a.weight);
}

function placeOf(words, scenario, axis) {
  if (axis === "page_size") {
    const runtime = words.runtimes.find((entry) => entry.name === scenario.runtime);
    return scenario.mechanisms?.page_size ?? runtime?.preset.page_size ?? null;
  }
  return isGiven(scenario[axis]) ? scenario[axis] : null;
}
