// What is done with the pictures besides the model, and where they go.

import { chosen, change } from "./chosen.js";
import { fill, h } from "./dom.js";
import { t } from "./strings.js";

const FORMATS = ["same", "jpeg", "png", "webp", "avif", "tiff", "bmp", "gif", "jpeg2000", "ppm", "tga"];
const PRECISIONS = ["float32", "fast", "bfloat16", "float16"];
const set = (values) => change({ settings: { ...chosen.settings, ...values } });

function field(label, control, hint) {
  return h("label", { class: "field" }, h("span", {}, label), control, hint ? h("span", { class: "hint" }, hint) : null);
}

function select(value, choices, onchange) {
  const control = h("select", { onchange: () => onchange(control.value) },
    choices.map(([each, label]) => h("option", { value: each, selected: each === value }, label)));
  return control;
}

function sizes() {
  const amount = h("input", { type: "number", min: "1", max: "1000000", value: "3840", hidden: true, "aria-label": t("size.amount"), oninput: () => apply() });
  const kind = select("model", ["model", "width", "height", "megapixels", "longest"].map((each) => [each, t(`size.${each}`)]), () => apply());
  function apply() {
    amount.hidden = kind.value === "model";
    const value = Number(amount.value);
    if (kind.value === "model" || !(value > 0)) set({ until: null, longest: null });
    else if (kind.value === "longest") set({ until: null, longest: Math.round(value) });
    else set({ until: { unit: kind.value, value }, longest: null });
  }
  return h("div", { class: "pair" }, kind, amount);
}

export function optionsForm(state, engines) {
  const quality = h("input", { type: "range", min: "1", max: "100", value: "90", oninput: () => {
    number.textContent = quality.value;
    set({ quality: Number(quality.value) });
  } });
  const number = h("output", {}, "90");
  const recursive = h("input", { type: "checkbox", checked: true, onchange: () => set({ recursive: recursive.checked }) });
  const folder = h("input", { type: "text", placeholder: t("output.default"), spellcheck: false, onchange: () => {
    const place = folder.value.trim().replace(/^\/+/, "");
    change({ output: place ? { root: roots.value, path: place.split("/").map(encodeURIComponent).join("/") } : null });
  } });
  const roots = select("0", state.roots.map((each) => [each.id, each.name]), () => folder.dispatchEvent(new Event("change")));
  roots.setAttribute("aria-label", t("opened"));
  const engine = select("auto", engines.map((each) => [each, each === "auto" ? t("engine.auto") : each]), (value) => set({ engine: value }));
  return h("div", { class: "options" },
    field(t("size"), sizes()),
    field(t("format"), select("same", FORMATS.map((each) => [each, each === "same" ? t("format.same") : each.toUpperCase()]), (format) => set({ format }))),
    field(t("quality"), h("div", { class: "pair" }, quality, number)),
    h("label", { class: "check" }, recursive, t("recursive")),
    h("label", { class: "field" }, h("span", {}, t("output")), h("div", { class: "pair" }, state.roots.length > 1 ? roots : null, folder)),
    h("details", {}, h("summary", {}, t("expert")), h("div", { class: "options" },
      field(t("metadata"), select("keep", [["keep", t("metadata.keep")], ["strip", t("metadata.strip")]], (metadata) => set({ metadata }))),
      field(t("precision"), select("float32", PRECISIONS.map((each) => [each, t(`precision.${each}`)]), (precision) => set({ precision }))),
      field(t("engine"), engine))));
}

export function summary(element, models) {
  const { place, model, settings } = chosen;
  if (!place || !model) return fill(element, "");
  const scale = models.scaleOf(model);
  const what = settings.longest ? t("to.longest", { pixels: settings.longest })
    : settings.until ? t("to.until", { value: settings.until.value, unit: t(`size.${settings.until.unit}`) })
      : scale > 1 ? `×${scale}` : "";
  return fill(element, h("strong", {}, t("summary", { count: place.count, name: place.name })), h("span", { class: "muted" }, [model, what].filter(Boolean).join(" ")));
}
