// The demands of the caller's own program, from a file of `nearmetal profile`, for a workload.

import { byId, element } from "./element.js";
import { figure, short } from "./figures.js";

// A file is not looked at beyond this; a profile has about 2 kB.
const MAX_BYTES = 1024 ** 2;
/** What stands in a select of workloads for the profile. */
export const OWN = "own profile";

let wordsOf = null;

/** Build the picker once; `change` is told of a profile that was read or taken away. */
export function buildProfile(words, change) {
  wordsOf = words;
  const input = byId("profile-file");
  const place = byId("workload-group");
  byId("profile-pick").addEventListener("click", () => input.click());
  byId("profile-away").addEventListener("click", (event) => change({ profile: null }, event));
  input.addEventListener("change", async (event) => {
    const [file] = input.files;
    // So that the same file, profiled anew, can be picked again.
    if (file) await take(file, change, event);
    input.value = "";
  });
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  // A file that misses its place would be opened in place of the page.
  for (const name of ["dragover", "drop"]) {
    window.addEventListener(name, (event) => carriesFile(event) && event.preventDefault());
  }
  place.addEventListener("dragover", (event) => place.classList.toggle("receiving", carriesFile(event)));
  place.addEventListener("dragleave", () => place.classList.remove("receiving"));
  place.addEventListener("drop", (event) => {
    place.classList.remove("receiving");
    const { files } = event.dataTransfer;
    if (files.length > 1) complain("One profile at a time.");
    else if (files.length) take(files[0], change, event);
  });
}

/** Show which profile a state has. */
export function showProfile(state) {
  complain("");
  byId("profile-away").hidden = state.profile === null;
  byId("profile-pick").textContent = state.profile ? "Another profile\u2026" : "Profile of your program\u2026";
  if (state.profile) byId("workload-about").textContent = about(state.profile);
}

/** The profile as an option of a select, or none. */
export function ownOption(state) {
  return state.profile ? element("option", { value: OWN }, `your own: ${state.profile.name}`) : null;
}

/** The words for what is asked of. */
export const workloadOf = (state) => (state.profile ? { demands: state.profile.demands } : { workload: state.workload });

/** What a profile says, in a line. */
function about({ name, demands }) {
  const said = [];
  if (demands.op_us > 0) said.push(`${figure(demands.op_us)} \u00b5s of processor time`);
  const calls = ["calls", "file_calls", "open_calls", "socket_calls"].map((key) => demands[key] ?? 0);
  const sum = calls.reduce((total, n) => total + n, 0);
  if (sum > 0) said.push(`${short(sum)} system calls`);
  if (demands.packets > 0) said.push(`${short(demands.packets)} packets`);
  if (demands.io_ops > 0) said.push(`${short(demands.io_ops)} storage operations`);
  const asks = said.length ? ` asks per operation for ${said.join(", ")};` : ":";
  return `${name}${asks} ${Object.keys(demands).length} demands from its profile`;
}

async function take(file, change, event) {
  let text = "";
  try {
    if (file.size > MAX_BYTES) throw new Error("is too large to be a profile");
    text = await file.text();
    change({ profile: profileOf(text) }, event);
  } catch (error) {
    complain(`${file.name.slice(0, 60)} ${error.message}`);
  }
}

/** A profile from a file's text; raises Error saying in a line why it is none. */
export function profileOf(text) {
  const refuse = (said) => {
    throw new Error(said);
  };
  let found = null;
  try {
    found = JSON.parse(text);
  } catch {
    refuse("is not JSON; nearmetal profile writes it");
  }
  const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  let name = "your program";
  if (isObject(found) && "demands" in found) {
    if ((found.format ?? wordsOf.profile_format) !== wordsOf.profile_format) {
      refuse(`is of another format than ${wordsOf.profile_format}; profile the program anew`);
    }
    if (typeof found.program === "string") name = named(found.program);
    found = found.demands;
  }
  if (!isObject(found) || !Object.keys(found).length) refuse("has no demands; nearmetal profile writes them");
  for (const [key, value] of Object.entries(found)) {
    const field = wordsOf.demands.find((entry) => entry.name === key);
    if (!field) refuse(`is no profile: unknown demand '${key.slice(0, 40)}'`);
    if (typeof value !== "number") refuse(`is no profile: demands.${key} is no number`);
    if (value < field.low || value > field.high) {
      refuse(`is no profile: demands.${key} must be ${field.low} to ${field.high}, not ${value}`);
    }
  }
  return { name, demands: found };
}

/** The program alone: a link is shared, and words behind a program may hold what is not. */
function named(program) {
  if (program.startsWith("process ")) return program.slice(0, 40);
  return (program.trim().split(/\s/)[0].split("/").pop() || "your program").slice(0, 40);
}

function complain(said) {
  byId("profile-complaint").textContent = said;
}
