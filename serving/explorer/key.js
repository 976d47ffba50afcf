// The service's key: asked for when it is needed, kept in this tab alone.

import { byId } from "./element.js";

const NAME = "nearmetal-key";
let kept = null;
let asking = null;

/** The key of this tab, or null. */
export function currentKey() {
  if (kept === null) {
    try {
      kept = sessionStorage.getItem(NAME);
    } catch {
      // a browser that keeps nothing: the key lasts as long as the page
    }
  }
  return kept;
}

/** Ask for a key in place of `refused`; whether there is another one now. One dialog for all. */
export function askForKey(refused, said) {
  if (currentKey() !== refused) return Promise.resolve(true);
  asking ??= dialog(said).finally(() => {
    asking = null;
  });
  return asking;
}

function dialog(said) {
  const box = byId("key-dialog");
  const input = byId("key");
  byId("key-about").textContent =
    `${said} It is kept in this tab until it is closed, and sent to this service alone.`.trim();
  input.value = "";
  box.showModal();
  input.focus();
  return new Promise((resolve) => {
    const done = new AbortController();
    const end = (given) => {
      done.abort();
      box.close();
      resolve(given);
    };
    byId("key-form").addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        if (!/^[\x21-\x7e]+$/.test(input.value.trim())) {
          byId("key-about").textContent = "A key has letters, digits and signs, and no space within.";
          return;
        }
        kept = input.value.trim();
        input.value = "";
        try {
          sessionStorage.setItem(NAME, kept);
        } catch {
          // lasts as long as the page
        }
        end(true);
      },
      { signal: done.signal },
    );
    byId("key-cancel").addEventListener("click", () => end(false), { signal: done.signal });
    box.addEventListener("cancel", () => end(false), { signal: done.signal });
  });
}
