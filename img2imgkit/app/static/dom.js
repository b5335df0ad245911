// Makes elements. Texts become text nodes, never HTML, so that a file name cannot be a tag.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const at = (id) => document.getElementById(id);

export function notice(text, kind = "problem") {
  const close = h("button", { class: "plain", "aria-label": "×", onclick: () => line.remove() }, "×");
  const line = h("div", { class: `notice ${kind}` }, h("span", {}, text), close);
  at("notices").append(line);
  if (kind !== "problem") setTimeout(() => line.remove(), 6000);
}
