// What a batch made: thumbnails as they appear, and each result with a slider between before and after.

import { address, get } from "./api.js";
import { Group, compare, lensButtons } from "./compare.js";
import { fill, h, notice } from "./dom.js";
import { Grid, thumbnail } from "./grid.js";
import { t } from "./strings.js";

export function gallery(batch) {
  let seen = "";
  let timer = null;
  const grid = new Grid({
    label: t("results"), side: 220, pick: (item, index) => look(batch, grid, index),
    load: async (first, count) => {
      const found = await get(`batches/${batch}/pictures`, { first, count });
      return { count: found.count, items: found.pictures.map((each) => ({ ...each, key: each.id })) };
    },
    tile: (item) => thumbnail(address(`batches/${batch}/pictures/${item.id}`, { side: 320 }), item.name),
  });
  const failures = h("ul", { class: "failures" });
  const details = h("details", { hidden: true }, h("summary", {}), failures);
  const element = h("div", { class: "gallery", hidden: true }, grid.element);

  async function draw(now) {
    try {
      await grid.refresh();
      if (now.failed) await drawFailures(now);
    } catch (error) {
      notice(error.message);
    }
    details.hidden = !now.failed;
  }

  async function drawFailures(now) {
    const found = await get(`batches/${batch}/pictures`, { status: "failed", count: 100 });
    details.querySelector("summary").textContent = t("failed.count", { count: now.failed });
    fill(failures, found.pictures.map((each) => h("li", {}, h("strong", {}, each.name), ` ${each.reason}`)));
  }

  function update(now) {
    element.hidden = !now.outputs;
    const key = `${now.outputs} ${now.failed} ${now.state}`;
    if (key === seen || timer) return;
    seen = key;
    const wait = now.state === "running" ? 700 : 0; // thumbnails appear, but not a request for each picture
    timer = setTimeout(() => {
      timer = null;
      draw(now);
    }, wait);
  }

  return { element: h("div", {}, element, details), update };
}

function look(batch, grid, index) {
  const group = new Group();
  const place = (item, which) => address(`batches/${batch}/pictures/${item.id}`, { which, side: 1600 });
  const item = grid.item(index);
  const frame = compare({ before: place(item, "before"), after: place(item, "after"), title: item.name, group });
  const download = h("a", { class: "button", download: "" }, t("download"));
  const step = (by) => {
    const next = grid.item(index + by);
    if (!next) return;
    index += by;
    frame.replace({ before: place(next, "before"), after: place(next, "after"), title: next.name });
    download.href = address(`batches/${batch}/pictures/${next.id}`);
  };
  download.href = address(`batches/${batch}/pictures/${item.id}`);
  const dialog = h("dialog", { class: "look", "aria-label": t("results") }, frame.element,
    h("div", { class: "row" }, h("button", { onclick: () => step(-1), "aria-label": t("previous") }, "‹"),
      h("button", { onclick: () => step(1), "aria-label": t("next") }, "›"), lensButtons(group), download,
      h("button", { class: "main", onclick: () => dialog.close() }, t("close"))));
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "PageDown") step(1);
    if (event.key === "PageUp") step(-1);
  });
  dialog.addEventListener("close", () => {
    frame.forget();
    dialog.remove();
    grid.focus(index);
  });
  document.body.append(dialog);
  dialog.showModal();
}
