// The chosen runtime on other hosts: what varies, the drawing, its cursor, and the same as a table.

import { byId, element, fill, keyed } from "./element.js";
import { told } from "./evidence.js";
import { percent, short, span } from "./figures.js";
import { measuredNear } from "./measured.js";
import { drawPlot, moveCursor } from "./plot.js";
import { AXES } from "./state.js";

const LABELS = {
  cores: ["Cores", "cores"],
  memory_gb: ["Memory", "GB"],
  network_gbps: ["Network", "Gbit/s"],
  storage_iops: ["Storage", "IOPS"],
  page_size: ["Page size", ""],
};

let shown = null;
let drawn = null;
let cursor = 0;
let onPick = () => {};

/** Build the tabs and the cursor once; `change` is told of another axis, or of a value to ask for. */
export function buildSweep(change) {
  fill(
    byId("sweep-axis"),
    AXES.map((axis) =>
      element(
        "button",
        { type: "button", "data-axis": axis, onclick: (event) => change({ axis }, event) },
        LABELS[axis][0],
      ),
    ),
  );
  onPick = (value, event) => {
    if (shown.axis === "page_size") change({ option: { page_size: value } }, event);
    else change({ host: { [shown.axis]: value } }, event);
  };
  const holder = byId("sweep");
  holder.tabIndex = 0;
  holder.setAttribute("role", "slider");
  holder.addEventListener("keydown", onKey);
  holder.addEventListener("pointermove", (event) => show(nearest(event)));
  holder.addEventListener("click", (event) => shown && onPick(shown.values[nearest(event)], event));
  new ResizeObserver(() => shown && redraw()).observe(holder);
}

/** Draw the answers of a sweep. */
export function drawSweep(words, state, values, records) {
  const [label, unit] = LABELS[state.axis];
  shown = {
    axis: state.axis,
    label: unit || label,
    unit,
    values,
    records,
    points: measuredNear(words, records, state.axis),
    runtime: state.runtime,
    asked: askedOf(words, state),
  };
  for (const button of byId("sweep-axis").children) {
    button.setAttribute("aria-pressed", button.dataset.axis === state.axis);
  }
  const at = values.indexOf(shown.asked);
  cursor = at < 0 ? Math.floor(values.length / 2) : at;
  redraw();
  drawKey();
  drawTable();
}

function askedOf(words, state) {
  if (state.axis !== "page_size") return state.host[state.axis] ?? null;
  const runtime = words.runtimes.find((entry) => entry.name === state.runtime);
  const asked = state.mechanisms.page_size;
  return runtime?.allowed.page_size.includes(asked) ? asked : (runtime?.preset.page_size ?? null);
}

function redraw() {
  drawn = drawPlot(byId("sweep"), shown, shown.asked);
  show(cursor);
}

function show(index) {
  if (!shown || !shown.values.length) return;
  cursor = index;
  const record = shown.records[index];
  moveCursor(byId("sweep"), drawn, record, index);
  const said = `${where(shown.values[index])}: keeps ${percent(record.retained)}, ${span(record.interval)}`;
  const doubt = record.novelty.extrapolating ? ", extrapolated" : "";
  byId("sweep-readout").textContent = said + doubt;
  const holder = byId("sweep");
  holder.setAttribute("aria-label", `${LABELS[shown.axis][0]} of the host; Enter asks for it`);
  holder.setAttribute("aria-valuemin", 0);
  holder.setAttribute("aria-valuemax", shown.values.length - 1);
  holder.setAttribute("aria-valuenow", index);
  holder.setAttribute("aria-valuetext", said + doubt);
}

function where(value) {
  if (shown.axis === "page_size") return `pages of ${value}`;
  return `${short(value)} ${value === 1 && shown.axis === "cores" ? "core" : shown.unit}`;
}

function onKey(event) {
  if (!shown) return;
  const last = shown.values.length - 1;
  const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -last, End: last };
  if (event.key in moves) show(Math.min(last, Math.max(0, cursor + moves[event.key])));
  else if (event.key === "Enter") onPick(shown.values[cursor], event);
  else return;
  event.preventDefault();
}

function nearest(event) {
  if (!drawn) return 0;
  const x = event.clientX - byId("sweep").getBoundingClientRect().left;
  let best = 0;
  drawn.at.forEach((place, i) => {
    if (Math.abs(place - x) < Math.abs(drawn.at[best] - x)) best = i;
  });
  return best;
}

function drawKey() {
  const { points, runtime, axis } = shown;
  const away = points.filter((point) => point.at === null).length;
  const parts = [
    keyed("line", "predicted, with its interval"),
    points.length ? keyed("dot", `measured in ${runtime}`) : null,
    points.some((p) => p.source === "observations") ? keyed("own", "by you") : null,
    points.some((p) => p.scenario.runtime !== runtime) ? keyed("ring", "in another runtime") : null,
    points.some((p) => p.baseline !== "native") ? keyed("diamond", "against another baseline") : null,
  ];
  const what = LABELS[axis][0].toLowerCase();
  const said = points.length
    ? `Of the ${points.length} measurements that moved these answers most, ${points.length - away || "none"} state their ${what}.`
    : "No measurement moved these answers.";
  const how = "A click, or Enter after the arrow keys, asks for that host.";
  fill(byId("sweep-key"), parts, element("span", { class: "said" }, `${said} ${how}`));
}

function drawTable() {
  const head = (names) =>
    element("thead", {}, element("tr", {}, names.map((name) => element("th", { scope: "col" }, name))));
  const cell = (text) => element("td", {}, text);
  fill(
    byId("sweep-table"),
    head([shown.label, "keeps", "interval", "extrapolated"]),
    element(
      "tbody",
      {},
      shown.records.map((record, i) =>
        element(
          "tr",
          { "data-at": shown.values[i], "data-retained": record.retained },
          element("th", { scope: "row" }, String(shown.values[i])),
          cell(percent(record.retained)),
          cell(span(record.interval)),
          cell(record.novelty.extrapolating ? "yes" : ""),
        ),
      ),
    ),
    shown.points.length ? head(["measured at", "kept", "against", "of"]) : null,
    element(
      "tbody",
      {},
      shown.points.map((point) =>
        element(
          "tr",
          { class: "measurement" },
          element("th", { scope: "row" }, point.at === null ? "not stated" : String(point.at)),
          cell(percent(point.retained)),
          cell(point.baseline),
          cell(`${told(point.scenario)}: ${point.citation || "your own"}`),
        ),
      ),
    ),
  );
}
