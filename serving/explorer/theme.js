// Light or dark before anything is drawn: as the system says, or as was chosen here before.
"use strict";
{
  const NAMES = ["auto", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem("nearmetal-theme");
    } catch {
      return null; // a browser that keeps nothing
    }
  }

  function set(name) {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${name}`;
    try {
      localStorage.setItem("nearmetal-theme", name);
    } catch {
      // not kept, then
    }
  }

  let now = NAMES.includes(stored()) ? stored() : "auto";
  set(now);
  document.addEventListener("DOMContentLoaded", () => {
    set(now);
    document.getElementById("theme").addEventListener("click", () => {
      now = NAMES[(NAMES.indexOf(now) + 1) % NAMES.length];
      set(now);
    });
  });
}
