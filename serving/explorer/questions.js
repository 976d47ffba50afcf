// What is sent for a state.

import { settled } from "./choices.js";
import { workloadOf } from "./profile.js";
import { HOST, isGiven } from "./state.js";

// Where a sweep looks, beside the asked value: what machines have.
const GRID = {
  cores: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  memory_gb: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
  network_gbps: [1, 2.5, 5, 10, 25, 40, 50, 100, 200, 400],
  storage_iops: [1e3, 3e3, 1e4, 3e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6],
};

/** The body of POST /compare. */
export function compareBody(state, { observed = true } = {}) {
  const body = { ...workloadOf(state), ...host(state) };
  if (Object.keys(state.mechanisms).length) body.mechanisms = { ...state.mechanisms };
  return { ...body, ...answerOf(state, observed) };
}

/** The body of POST /predict for the chosen runtime, with the options that it takes. */
export function predictBody(words, state) {
  const { kept } = settled(words, state.runtime, state.mechanisms);
  const body = { runtime: state.runtime, ...workloadOf(state), ...host(state) };
  if (Object.keys(kept).length) body.mechanisms = kept;
  return { ...body, ...answerOf(state, true) };
}

/** What a sweep asks: the values along its axis, and a body for each. */
export function sweepOf(words, state) {
  const base = predictBody(words, state);
  // Only retained is drawn; a value would be scaled to other cores.
  delete base.native_value;
  delete base.unit;
  if (state.axis !== "page_size") {
    const values = [...GRID[state.axis]];
    const asked = state.host[state.axis];
    if (typeof asked === "number" && !values.includes(asked)) values.push(asked);
    values.sort((a, b) => a - b);
    return { values, bodies: values.map((value) => ({ ...base, [state.axis]: value })) };
  }
  const runtime = words.runtimes.find((entry) => entry.name === state.runtime);
  const sizes = words.mechanisms.find((entry) => entry.key === "page_size").values;
  const values = [];
  const bodies = [];
  for (const { value } of sizes) {
    if (!runtime?.allowed.page_size.includes(value)) continue;
    const rest = { ...state.mechanisms };
    delete rest.page_size;
    const mechanisms = settled(words, state.runtime, { page_size: value, ...rest }).kept;
    values.push(value);
    bodies.push({ ...base, mechanisms });
  }
  return { values, bodies };
}

function host(state) {
  return Object.fromEntries(HOST.filter((n) => isGiven(state.host[n])).map((n) => [n, state.host[n]]));
}

function answerOf(state, observed) {
  const body = {};
  if (state.level !== 0.9) body.level = state.level;
  // A figure without its unit is half typed: it is not asked of yet.
  if (isGiven(state.native_value) && state.unit.trim()) {
    body.native_value = state.native_value;
    body.unit = state.unit.trim();
  }
  if (observed && state.observations.length) body.observations = state.observations;
  return body;
}
