// Elements from data, never from text that could be markup.

/** An element with attributes and children; null children are left out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

/** Put children in place of what an element holds. */
export function fill(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

/** An entry of a chart's key: its mark and what that means. */
export function keyed(mark, meaning) {
  return element("span", {}, element("span", { class: `swatch ${mark}-swatch` }), meaning);
}

export const byId = (id) => document.getElementById(id);
