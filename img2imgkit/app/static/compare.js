// Before and after in one frame: a slider between them, and a lens at 100 % or 200 %. Frames of a group move together.

import { fill, h } from "./dom.js";
import { t } from "./strings.js";

export class Group {
  constructor() {
    this.split = 50;
    this.zoom = 0; // 0: no lens
    this.x = 0.5;
    this.y = 0.5;
    this.frames = new Set();
  }

  set(values) {
    Object.assign(this, values);
    for (const each of this.frames) each();
  }
}

export function lensButtons(group) {
  const choices = [[0, t("lens.off")], [1, "100 %"], [2, "200 %"]];
  const buttons = choices.map(([zoom, label]) => h("button", { "aria-pressed": "false", onclick: () => set(zoom) }, label));
  const set = (zoom) => {
    group.set({ zoom });
    buttons.forEach((each, index) => each.setAttribute("aria-pressed", String(choices[index][0] === zoom)));
  };
  set(group.zoom);
  return h("div", { class: "segments", role: "group", "aria-label": t("lens") }, h("span", { class: "muted" }, t("lens")), buttons);
}

export function compare({ before, after, title, note, group = new Group() }) {
  const left = h("img", { src: before, alt: t("before") });
  const right = h("img", { src: after, alt: t("after") });
  const slider = h("input", { type: "range", min: "0", max: "100", step: "0.5", "aria-label": `${t("slider")}: ${title}` });
  const halves = [h("span", {}), h("span", {})];
  const lens = h("div", { class: "lens", hidden: true, "aria-hidden": "true" }, halves);
  const handle = h("span", { class: "handle", "aria-hidden": "true" });
  const stage = h("div", { class: "stage" }, right, left, handle, slider, lens);
  const element = h("figure", { class: "compare" }, stage,
    h("figcaption", {}, h("span", { class: "title" }, title), note ? h("span", { class: "muted" }, note) : null));

  const update = () => {
    slider.value = String(group.split);
    left.style.clipPath = `inset(0 ${100 - group.split}% 0 0)`;
    handle.style.left = `${group.split}%`;
    drawLens();
  };

  function drawLens() {
    lens.hidden = !group.zoom || !right.naturalWidth;
    if (lens.hidden) return;
    const ratio = window.devicePixelRatio || 1;
    const width = (right.naturalWidth * group.zoom) / ratio;
    const height = (right.naturalHeight * group.zoom) / ratio;
    const side = lens.clientWidth || 180;
    lens.style.left = `${group.x * 100}%`;
    lens.style.top = `${group.y * 100}%`;
    [left, right].forEach((image, index) => {
      const half = halves[index].style;
      half.backgroundImage = `url("${image.currentSrc || image.src}")`;
      half.backgroundSize = `${width}px ${height}px`;
      half.backgroundPosition = `${side / 2 - group.x * width - (index * side) / 2}px ${side / 2 - group.y * height}px`;
      half.imageRendering = group.zoom > 1 && index ? "pixelated" : "auto"; // the original is smaller than the result
    });
  }

  slider.addEventListener("input", () => group.set({ split: Number(slider.value), x: Number(slider.value) / 100 }));
  slider.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault(); // up and down move the lens, left and right the slider
    group.set({ y: Math.min(1, Math.max(0, group.y + (event.key === "ArrowUp" ? -0.05 : 0.05))) });
  });
  stage.addEventListener("pointermove", (event) => {
    if (!group.zoom) return;
    const box = stage.getBoundingClientRect();
    group.set({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
  });
  right.addEventListener("load", () => {
    stage.style.setProperty("--ratio", String(right.naturalWidth / right.naturalHeight));
    update();
  });
  group.frames.add(update);
  update();
  return { element, forget: () => group.frames.delete(update), replace: (values) => { left.src = values.before; right.src = values.after; fill(element.querySelector(".title"), values.title); } };
}
