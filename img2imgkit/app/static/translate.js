// The view in which pictures are chosen, models are tried, and batches are started.

import { post } from "./api.js";
import { chosen, change, onChange } from "./chosen.js";
import { at, fill, h, notice } from "./dom.js";
import { dropZone } from "./drop.js";
import { modelCards } from "./models.js";
import { optionsForm, summary } from "./options.js";
import { picker } from "./picker.js";
import { t } from "./strings.js";
import { showPipeline } from "./text_dialog.js";
import { tryOut } from "./tryout.js";

function panel(title, ...children) {
  return h("section", { class: "panel" }, h("h2", {}, title), children);
}

function request() {
  const { place, model, settings, output } = chosen;
  return {
    name: place.name.slice(0, 200),
    source: { root: place.root, path: place.path },
    ...(output ? { output } : {}),
    translation: { ...settings, model },
  };
}

export async function translateView(state) {
  const models = modelCards();
  const pictures = picker(state);
  const drop = dropZone(state, async (id, name) => {
    await pictures.open("inbox", [{ name, path: id }]);
    change({ place: { ...chosen.place, name } });
  });
  const told = h("p", { class: "summary", role: "status" });
  const only = h("input", { type: "checkbox", onchange: () => change({}) });
  const onlyLabel = h("label", { class: "check" }, only, t("only.this"));
  const start = h("button", { class: "main", onclick: () => begin() }, t("start"));
  const yaml = h("button", { onclick: () => preview() }, t("show.yaml"));

  const target = () => {
    const found = request();
    if (only.checked && chosen.sample) {
      found.source = { root: chosen.sample.root, path: chosen.sample.path };
      found.name = chosen.sample.name.slice(0, 200);
    }
    return found;
  };

  async function preview() {
    try {
      const found = await post("preview", target());
      showPipeline(found.pipeline);
    } catch (error) {
      notice(error.message);
    }
  }

  async function begin() {
    start.disabled = true;
    try {
      await post("batches", target());
      location.hash = "batches";
    } catch (error) {
      notice(error.message);
    }
    start.disabled = false;
  }

  const cards = await models.refresh();
  at("translate").classList.add("loading"); // what is not seen yet cannot be seen moving
  fill(at("translate"),
    h("div", { class: "columns" },
      panel(t("pictures"), drop, pictures.element), panel(t("model"), models.element),
      panel(t("try.title"), tryOut(() => models.draw())), panel(t("result"), optionsForm(state, cards.engines))),
    h("div", { class: "start" }, told, onlyLabel, yaml, start));
  onChange(() => {
    summary(told, models);
    const nothing = !chosen.place || (!chosen.place.count && !chosen.place.folders);
    start.disabled = nothing || !chosen.model;
    yaml.disabled = start.disabled;
    onlyLabel.hidden = !chosen.sample;
  });
  await pictures.start();
  at("translate").classList.remove("loading");
  return models;
}
