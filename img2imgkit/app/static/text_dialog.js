// A text to read and to copy: the pipeline that the page's choices are, or a report.

import { h, notice } from "./dom.js";
import { t } from "./strings.js";

export function showText(title, hint, text) {
  const shown = h("pre", { tabindex: "0" }, text);
  const copy = h("button", { onclick: async () => {
    if (await copied(text)) copy.textContent = t("copied");
    else getSelection().selectAllChildren(shown);
  } }, t("copy"));
  const close = h("button", { class: "main", onclick: () => dialog.close() }, t("close"));
  const dialog = h("dialog", { "aria-label": title }, h("h2", {}, title),
    h("p", { class: "muted" }, hint), shown, h("div", { class: "row" }, copy, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export const showPipeline = (text) => showText(t("pipeline"), t("pipeline.how"), text);

export async function copyOrShow(title, text, done) {
  if (await copied(text)) notice(done, "info");
  else showText(title, "", text);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // browsers have no clipboard for pages of other machines without https
  }
}
