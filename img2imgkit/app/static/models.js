// The models as cards: installed ones are chosen, those of the index are fetched.

import { get, post } from "./api.js";
import { chosen, change, onChange } from "./chosen.js";
import { fill, h, notice } from "./dom.js";
import { bytes, t } from "./strings.js";

const speeds = new Map();

export function noteSpeed(model, pixels, seconds) {
  if (seconds > 0) speeds.set(model, pixels / 1e6 / seconds);
}

export function modelCards() {
  const installed = h("div", { class: "cards", role: "radiogroup", "aria-label": t("model") });
  const index = h("div", { class: "cards" });
  const more = h("details", { class: "more" }, h("summary", {}, t("more.models")), index);
  const element = h("div", {}, installed, more);
  let cards = { installed: [], index: [], engines: ["auto"] };
  let busy = false;

  async function refresh() {
    cards = await get("models");
    if (!chosen.model) {
      const first = cards.installed.find((each) => !each.problem);
      if (first) change({ model: first.name });
    }
    draw();
    busy = cards.index.some((each) => each.adding);
    return cards;
  }

  function draw() {
    fill(installed, cards.installed.map(card));
    fill(index, cards.index.map(entry));
    more.hidden = cards.index.length === 0;
  }

  function card(model) {
    const chosenNow = chosen.model === model.name;
    const radio = h("input", {
      type: "radio", name: "model", value: model.name, checked: chosenNow, disabled: Boolean(model.problem),
      onchange: () => change({ model: model.name }),
    });
    const facts = [model.scale > 1 ? `×${model.scale}` : null, model.licence, model.bytes ? bytes(model.bytes) : null];
    const speed = speeds.get(model.name);
    if (speed) facts.push(t("speed", { value: Number(speed.toPrecision(2)) }));
    const compared = h("input", {
      type: "checkbox", checked: chosen.compared.has(model.name), onchange: (event) => {
        const compared = new Set(chosen.compared);
        if (event.target.checked) compared.add(model.name);
        else compared.delete(model.name);
        change({ compared });
      },
    });
    return h("div", { class: `card${chosenNow ? " chosen" : ""}${model.problem ? " off" : ""}` },
      h("label", { class: "pick" }, radio, h("span", { class: "title" }, model.name)),
      h("p", { class: "about" }, model.problem || model.about || model.task),
      h("p", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      model.scores.length ? h("p", { class: "facts" }, model.scores.slice(0, 2).join(" · ")) : null,
      model.problem || chosenNow ? null : h("label", { class: "compare-too" }, compared, t("compare.too")));
  }

  function entry(model) {
    const agree = model.free ? null : h("label", { class: "compare-too" },
      h("input", { type: "checkbox" }), t("accept", { licence: model.licence, by: model.stated_by }));
    const add = h("button", { disabled: model.adding, onclick: () => fetchModel(model, agree) },
      model.adding ? t("fetching") : t("fetch", { size: bytes(model.bytes) }));
    return h("div", { class: "card" }, h("span", { class: "title" }, model.name), h("p", { class: "about" }, model.about),
      h("p", { class: "facts" }, [model.licence, ...model.scores.slice(0, 1)].join(" · ")),
      model.problem ? h("p", { class: "problem" }, model.problem) : null, agree, add);
  }

  async function fetchModel(model, agree) {
    if (agree && !agree.querySelector("input").checked) {
      notice(t("accept.first", { licence: model.licence }));
      return;
    }
    try {
      await post("models", { name: model.name, accepted: model.free ? "" : model.licence });
      await refresh();
    } catch (error) {
      notice(error.message);
    }
  }

  let drawnFor = "";
  onChange(() => {
    const now = `${chosen.model} ${[...chosen.compared].join()}`;
    if (now === drawnFor) return;
    drawnFor = now;
    const focused = document.activeElement?.value;
    draw();
    if (focused) installed.querySelector(`input[type=radio][value="${CSS.escape(focused)}"]`)?.focus();
  });
  return { element, refresh, onBatches: () => busy && refresh().catch(() => {}), scaleOf: (name) => cards.installed.find((each) => each.name === name)?.scale ?? 1, draw, engines: () => cards.engines };
}
