// Try models on a crop of one picture, before anything is started.

import { address, get, post } from "./api.js";
import { chosen, onChange } from "./chosen.js";
import { Group, compare, lensButtons } from "./compare.js";
import { fill, h, notice } from "./dom.js";
import { noteSpeed } from "./models.js";
import { t } from "./strings.js";

const SIDES = [128, 256, 512];

export function tryOut(onSpeed) {
  let shown = "";
  let size = null;
  let box = { x: 0, y: 0, side: 256 };
  let running = false;
  let frames = [];
  const group = new Group();
  const image = h("img", { alt: t("sample"), draggable: "false" });
  const marker = h("div", { class: "marker", tabindex: "0", role: "application", "aria-label": t("crop.keys") });
  const stage = h("div", { class: "crop" }, image, marker);
  const sides = h("select", { "aria-label": t("crop.size"), onchange: () => resize(Number(sides.value)) },
    SIDES.map((each) => h("option", { value: String(each), selected: each === box.side }, `${each} × ${each}`)));
  const start = h("button", { class: "try", onclick: () => run() }, t("try"));
  const told = h("span", { class: "muted", role: "status" });
  const results = h("div", { class: "results" });
  const lens = lensButtons(group);
  lens.hidden = true;
  const element = h("div", { class: "tryout" }, h("div", { class: "room" }, stage),
    h("div", { class: "row" }, start, h("label", {}, h("span", { class: "muted" }, t("crop.size")), sides), lens, told), results);

  async function show(sample) {
    const key = sample ? `${sample.root}/${sample.path}` : "";
    if (key === shown) return;
    shown = key;
    element.hidden = !sample;
    clear();
    if (!sample) return;
    image.src = address("thumbnail", { root: sample.root, path: sample.path, side: 1600 });
    try {
      size = await get("size", { root: sample.root, path: sample.path });
    } catch (error) {
      size = null;
      start.disabled = true;
      told.textContent = error.message;
      return;
    }
    start.disabled = false;
    told.textContent = `${sample.name}: ${size.width} × ${size.height}`;
    stage.style.setProperty("--ratio", String(size.width / size.height));
    box = { ...box, x: Math.max(0, Math.round((size.width - box.side) / 2)), y: Math.max(0, Math.round((size.height - box.side) / 2)) };
    draw();
  }

  const limited = (value, most) => Math.round(Math.min(Math.max(0, value), Math.max(0, most)));

  function move(x, y) {
    box = { ...box, x: limited(x, size.width - box.side), y: limited(y, size.height - box.side) };
    draw();
  }

  function resize(side) {
    if (!size) return;
    const [middle, centre] = [box.x + box.side / 2, box.y + box.side / 2];
    box = { ...box, side };
    move(middle - side / 2, centre - side / 2);
  }

  function draw() {
    if (!size) return;
    const percent = (value, whole) => `${(100 * value) / whole}%`;
    marker.style.left = percent(box.x, size.width);
    marker.style.top = percent(box.y, size.height);
    marker.style.width = percent(Math.min(box.side, size.width), size.width);
    marker.style.height = percent(Math.min(box.side, size.height), size.height);
  }

  function toPointer(event) {
    if (!size) return;
    const outline = stage.getBoundingClientRect();
    move(((event.clientX - outline.left) / outline.width) * size.width - box.side / 2,
      ((event.clientY - outline.top) / outline.height) * size.height - box.side / 2);
  }
  stage.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    marker.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    toPointer(event);
  });
  stage.addEventListener("pointermove", (event) => stage.hasPointerCapture(event.pointerId) && toPointer(event));
  marker.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 1 : 32;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === "Enter") run();
    else if (event.key in moves && size) move(box.x + moves[event.key][0], box.y + moves[event.key][1]);
    else return;
    event.preventDefault();
  });

  function clear() {
    for (const each of frames) each.forget();
    frames = [];
    fill(results);
    lens.hidden = true;
  }

  async function run() {
    if (running || !chosen.sample || !size) return;
    running = true;
    start.disabled = true;
    told.textContent = t("trying");
    const models = [chosen.model, ...[...chosen.compared].filter((each) => each !== chosen.model)];
    const crop = [box.x, box.y, Math.min(box.side, size.width), Math.min(box.side, size.height)];
    const source = { root: chosen.sample.root, path: chosen.sample.path };
    clear();
    try {
      const before = await post("try-outs", { source, box: crop });
      for (const model of models) await one(model, source, crop, before);
      told.textContent = t("tried", { count: models.length });
    } catch (error) {
      notice(error.message);
      told.textContent = "";
    }
    running = false;
    start.disabled = false;
    onSpeed();
  }

  async function one(model, source, crop, before) {
    const { precision, engine } = chosen.settings;
    const place = h("div", { class: "waiting" }, h("span", { class: "muted" }, t("trying.model", { model })));
    results.append(place);
    try {
      const made = await post("try-outs", { source, box: crop, settings: { model, precision, engine } });
      noteSpeed(model, crop[2] * crop[3], made.seconds);
      const note = t("took", { seconds: Number(made.seconds.toPrecision(2)), width: made.width, height: made.height });
      const frame = compare({ before: `api/try-outs/${before.id}.png`, after: `api/try-outs/${made.id}.png`, title: model, note, group });
      frames.push(frame);
      place.replaceWith(frame.element);
      lens.hidden = false;
    } catch (error) {
      place.replaceWith(h("p", { class: "problem" }, `${model}: ${error.message}`));
    }
  }

  onChange(({ sample }) => show(sample));
  return element;
}
