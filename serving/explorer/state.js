// What is asked, and its form in the address: behind '#', so that no server sees it.

export const HOST = ["cores", "memory_gb", "network_gbps", "storage_iops"];
export const AXES = [...HOST, "page_size"];

/** What the page opens with. */
export function opening() {
  return {
    workload: "web.static",
    profile: null,
    runtime: "gvisor",
    host: { cores: 8, memory_gb: 32, network_gbps: 10, storage_iops: 200000 },
    mechanisms: {},
    level: 0.9,
    native_value: null,
    unit: "",
    axis: "cores",
    observations: [],
  };
}

/** The state of an address. What no one knows stands too: the service says what is wrong with it. */
export function fromHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const state = opening();
  if ([...given.keys()].length === 0) return state;
  state.workload = given.get("workload") ?? state.workload;
  if (given.get("demands")) {
    const text = given.get("demands");
    state.profile = { name: given.get("profile") || "your program", demands: parsed(text) ?? text };
  }
  state.runtime = given.get("runtime") ?? state.runtime;
  state.host = {};
  for (const name of HOST) {
    if (given.get(name)) state.host[name] = numberOrText(given.get(name));
  }
  for (const pair of given.getAll("with")) {
    const at = pair.indexOf("=");
    if (at > 0) state.mechanisms[pair.slice(0, at)] = pair.slice(at + 1);
  }
  if (given.get("level")) state.level = numberOrText(given.get("level"));
  if (given.get("native_value")) state.native_value = numberOrText(given.get("native_value"));
  state.unit = given.get("unit") ?? "";
  if (AXES.includes(given.get("axis"))) state.axis = given.get("axis");
  state.observations = given.getAll("observed").map(parsed).filter((entry) => entry !== null);
  return state;
}

/** The address of a state. */
export function toHash(state) {
  const made = new URLSearchParams();
  made.set("workload", state.workload);
  if (state.profile) {
    made.set("profile", state.profile.name);
    made.set("demands", JSON.stringify(state.profile.demands));
  }
  made.set("runtime", state.runtime);
  for (const name of HOST) {
    if (isGiven(state.host[name])) made.set(name, state.host[name]);
  }
  for (const [key, value] of Object.entries(state.mechanisms)) made.append("with", `${key}=${value}`);
  if (state.level !== opening().level) made.set("level", state.level);
  if (isGiven(state.native_value)) made.set("native_value", state.native_value);
  if (state.unit) made.set("unit", state.unit);
  made.set("axis", state.axis);
  for (const entry of state.observations) made.append("observed", JSON.stringify(entry));
  return `#${made}`;
}

export const isGiven = (value) => value !== null && value !== undefined && value !== "";

function numberOrText(text) {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

function parsed(text) {
  try {
    const entry = JSON.parse(text);
    return entry !== null && typeof entry === "object" && !Array.isArray(entry) ? entry : null;
  } catch {
    return null;
  }
}
