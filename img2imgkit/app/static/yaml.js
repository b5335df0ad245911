// The pipeline that the page's choices are, as the command reads it.

import { h } from "./dom.js";
import { t } from "./strings.js";

export function showPipeline(text) {
  const copy = h("button", { onclick: async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = t("copied");
  } }, t("copy"));
  const close = h("button", { class: "main", onclick: () => dialog.close() }, t("close"));
  const dialog = h("dialog", { "aria-label": t("show.yaml") }, h("h2", {}, t("pipeline")),
    h("p", { class: "muted" }, t("pipeline.how")), h("pre", { tabindex: "0" }, text), h("div", { class: "row" }, copy, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
