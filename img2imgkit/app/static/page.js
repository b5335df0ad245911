// Starts the page: texts, views, and the events of the server.

import { follow, get } from "./api.js";
import { at, h, notice } from "./dom.js";
import { showBatches } from "./batches.js";
import { language, loadStrings, t, translateElements } from "./strings.js";
import { translateView } from "./translate.js";

function route() {
  if (location.hash === "#content") return; // the link to the content
  const view = location.hash === "#batches" ? "batches" : "translate";
  for (const each of ["translate", "batches"]) {
    at(each).hidden = each !== view;
    if (each === view) at(`to-${each}`).setAttribute("aria-current", "page");
    else at(`to-${each}`).removeAttribute("aria-current");
  }
  document.title = `${t(view)} – img2img`;
}

function languageChoice(languages) {
  if (languages.length < 2) return;
  const name = (each) => new Intl.DisplayNames([each], { type: "language" }).of(each);
  at("language").append(...languages.map((each) => h("option", { value: each, selected: each === language }, name(each))));
  at("language").addEventListener("change", (event) => {
    localStorage.setItem("language", event.target.value);
    location.reload();
  });
  at("language-label").hidden = false;
}

function end() {
  at("ended").hidden = false;
  document.body.classList.add("has-ended");
  document.title = t("ended");
}

const state = await get("state");
await loadStrings(state.languages, localStorage.getItem("language"));
translateElements();
languageChoice(state.languages);
window.addEventListener("hashchange", route);
route();
let models = null;
follow((batches) => {
  showBatches(batches);
  models?.onBatches();
}, end);
try {
  models = await translateView(state);
} catch (error) {
  notice(error.message);
}
document.body.dataset.ready = "true";
