// The page: a state, asked of the service whenever it changes, and drawn as it is answered.

import { announce, showAnswer, showFailure } from "./answer.js";
import { ask, Failure } from "./api.js";
import { drawBars } from "./bars.js";
import { copy, curl } from "./copying.js";
import { byId } from "./element.js";
import { showEvidence } from "./evidence.js";
import { percent, span } from "./figures.js";
import { buildForm, showForm, showProblems } from "./form.js";
import { buildObservations, showObservations } from "./observations.js";
import { buildProfile } from "./profile.js";
import { compareBody, predictBody, sweepOf } from "./questions.js";
import { fromHash, toHash } from "./state.js";
import { buildSweep, drawSweep } from "./sweep.js";
import { drawWaterfall } from "./waterfall.js";

// While an answer is under way, what is typed waits this long for the next digit.
const TYPING_MS = 25;

let words = null;
let state = fromHash(window.location.hash);
let pending = null;
let running = null;
// The last answers by what was asked: another runtime or axis asks nothing twice.
let answered = { asked: null, comparison: null };
let unobserved = { asked: null, comparison: null };

/** Take over what a user changed, and ask. */
function change(patch, event) {
  const { host, option, ...rest } = patch;
  state = { ...state, ...rest };
  if (host) state.host = { ...state.host, ...host };
  if (option) state.mechanisms = { ...state.mechanisms, ...option };
  history.replaceState(null, "", toHash(state));
  showForm(words, state, change);
  showObservations(state, change);
  const since = event?.timeStamp ?? performance.now();
  clearTimeout(pending);
  const busy = document.documentElement.dataset.state === "asking";
  if (busy && event?.type === "input") pending = setTimeout(() => update(since), TYPING_MS);
  else update(since);
}

/** Ask for the state and draw what is answered; an answer that is overtaken is let go. */
async function update(since) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  document.documentElement.dataset.state = "asking";
  try {
    const comparison = await compared(signal);
    const before = await comparedWithout(signal);
    if (signal.aborted) return;
    const record = comparison.predictions.find((entry) => entry.runtime === state.runtime);
    if (!record) throw unknownRuntime();
    // The service works on the sweep while the bars are drawn.
    const { values, bodies } = sweepOf(words, state);
    const asked = ask("predict", bodies, signal);
    asked.catch(() => {}); // told where it is awaited
    showFailure(null);
    showProblems([]);
    drawComparison(comparison, before, record);
    told("explorer-bars", since);
    const records = await asked;
    if (signal.aborted) return;
    drawSweep(words, state, values, records);
    told("explorer-all", since);
    document.documentElement.dataset.state = "ready";
  } catch (error) {
    if (error.name === "AbortError") return;
    failed(error);
  }
}

async function compared(signal) {
  const body = compareBody(state);
  const asked = JSON.stringify(body);
  if (answered.asked !== asked) answered = { asked, comparison: await ask("compare", body, signal) };
  return answered.comparison;
}

async function comparedWithout(signal) {
  if (!state.observations.length) return null;
  const body = compareBody(state, { observed: false });
  const asked = JSON.stringify(body);
  if (unobserved.asked !== asked) unobserved = { asked, comparison: await ask("compare", body, signal) };
  return unobserved.comparison;
}

function drawComparison(comparison, before, record) {
  drawBars(comparison, {
    chosen: state.runtime,
    before,
    onChoose: (runtime, event) => change({ runtime }, event),
  });
  showAnswer(state.runtime, record);
  drawWaterfall(words, record);
  showEvidence(state.runtime, record);
  byId("bars-about").textContent = `${state.profile?.name ?? state.workload}, % of bare metal, best first`;
  byId("waterfall-about").textContent = `${state.runtime}, from bare metal to the answer; hover or focus a part for its formula`;
  byId("model").textContent = `model ${record.model.version}, trained ${record.model.trained_at.slice(0, 10)}`;
  announce(`${state.runtime} keeps ${percent(record.retained)}, ${span(record.interval)}${moved(before, record)}`);
}

function moved(before, record) {
  const earlier = before?.predictions.find((entry) => entry.runtime === record.runtime);
  return earlier ? `; ${percent(earlier.retained)} without your measurements` : "";
}

function failed(error) {
  const failure =
    error instanceof Failure ? error : new Failure(0, { message: `The page failed: ${error.message}` });
  if (!(error instanceof Failure)) console.error(error);
  document.documentElement.dataset.state = "failed";
  showFailure(failure);
  showProblems(failure.details);
  announce(failure.message);
}

function unknownRuntime() {
  const names = words.runtimes.map((runtime) => runtime.name).join(", ");
  const message = `unknown runtime '${state.runtime}'; one of ${names}`;
  return new Failure(422, { message, details: [{ field: "runtime", message }] });
}

/** Say when what was asked at `since` is on the screen, for whoever measures it. */
function told(name, since) {
  requestAnimationFrame(() => {
    const channel = new MessageChannel();
    // A task after the frame: it was painted.
    channel.port1.onmessage = () => performance.measure(name, { start: since, end: performance.now() });
    channel.port2.postMessage(null);
  });
}

function copyCommand(button) {
  const made = {
    compare: () => ["compare", compareBody(state)],
    predict: () => ["predict", predictBody(words, state)],
    sweep: () => ["predict", sweepOf(words, state).bodies],
  }[button.dataset.curl]();
  copy(curl(...made), button);
}

async function start() {
  try {
    words = await ask("vocabulary");
  } catch (error) {
    failed(error);
    return;
  }
  buildForm(words, change);
  buildProfile(words, change);
  buildSweep(change);
  buildObservations(words, () => state, change);
  showForm(words, state, change);
  showObservations(state, change);
  for (const button of document.querySelectorAll("[data-curl]")) {
    button.addEventListener("click", () => copyCommand(button));
  }
  byId("copy-link").addEventListener("click", (event) => {
    history.replaceState(null, "", toHash(state));
    copy(window.location.href, event.currentTarget);
  });
  byId("copy-close").addEventListener("click", () => byId("copy-dialog").close());
  window.addEventListener("hashchange", () => {
    state = fromHash(window.location.hash);
    showForm(words, state, change);
    showObservations(state, change);
    update(performance.now());
  });
  // On a small screen the many options come after the answer's first sight.
  if (window.matchMedia("(max-width: 60rem)").matches) byId("mechanisms-fold").open = false;
  await update(performance.now());
}

await start();
