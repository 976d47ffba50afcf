// Links and commands for elsewhere.

import { currentKey } from "./key.js";
import { byId } from "./element.js";

/** The command that asks the service the same. The key is named, never written out. */
export function curl(path, body) {
  const address = new URL(`../${path}`, window.location.href.split("#")[0]).href;
  const key = currentKey() ? ` -H "authorization: Bearer $NEARMETAL_API_KEY"` : "";
  return `curl -s ${quoted(address)} -H 'content-type: application/json'${key} \\\n  -d ${quoted(JSON.stringify(body))}`;
}

/** A text as one word of a shell. */
function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Copy a text, and say so on the button; where the browser does not let us, show it to be copied. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    byId("copy-text").value = text;
    byId("copy-dialog").showModal();
    byId("copy-text").select();
    return;
  }
  const label = (button.dataset.label ??= button.textContent);
  button.textContent = "Copied";
  byId("announcement").textContent = "Copied";
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}
