// One tooltip for all: shown on hover and on focus, hidden by Escape, never the only place of a fact.

import { byId, fill } from "./element.js";

let owner = null;

/** Show `content()` while an element is hovered or focused. */
export function explain(target, content) {
  const show = () => open(target, content());
  target.addEventListener("pointerenter", show);
  target.addEventListener("focus", show);
  target.addEventListener("pointerleave", () => {
    if (document.activeElement !== target) close(target);
  });
  target.addEventListener("blur", () => close(target));
}

function open(target, children) {
  const box = byId("tooltip");
  owner?.removeAttribute("aria-describedby");
  owner = target;
  fill(box, children);
  box.hidden = false;
  target.setAttribute("aria-describedby", "tooltip");
  const at = target.getBoundingClientRect();
  const own = box.getBoundingClientRect();
  const beside = at.right + 24 + own.width < window.innerWidth;
  const lowest = window.innerHeight - own.height - 8;
  const below = at.bottom + 8 <= lowest;
  const left = beside ? at.right + 16 : Math.min(Math.max(8, at.left), window.innerWidth - own.width - 8);
  const above = Math.max(8, at.top - own.height - 8);
  box.style.left = `${left}px`;
  box.style.top = `${beside ? Math.max(8, Math.min(at.top - 8, lowest)) : below ? at.bottom + 8 : above}px`;
}

function close(target) {
  if (owner !== target) return;
  target.removeAttribute("aria-describedby");
  byId("tooltip").hidden = true;
  owner = null;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && owner) close(owner);
});
document.addEventListener("scroll", () => owner && close(owner), { passive: true, capture: true });
