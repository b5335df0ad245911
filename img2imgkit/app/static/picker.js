// The pictures of the opened folders: which folder, or which picture, is translated.

import { address, get, remove } from "./api.js";
import { chosen, change } from "./chosen.js";
import { fill, h, notice } from "./dom.js";
import { Grid, thumbnail } from "./grid.js";
import { t } from "./strings.js";

export function picker(state) {
  let root = state.roots[0].id;
  let folders = []; // [{name, path}] of the way down
  const grid = new Grid({ label: t("pictures"), load: () => ({ count: 0, items: [] }), tile, pick });
  const way = h("nav", { class: "way", "aria-label": t("folder") });
  const inside = h("div", { class: "folders" });
  const told = h("p", { class: "told", role: "status" });
  const element = h("div", { class: "picker" }, way, inside, grid.element, told);

  const path = () => folders.map((each) => each.path).join("/");
  const joined = (name) => [...folders.map((each) => each.path), name].join("/");

  function tile(item) {
    return thumbnail(address("thumbnail", { root: item.root, path: item.place, side: 320 }), item.name);
  }

  function pick(item) {
    change({ sample: { root: item.root, path: item.place, name: item.name } });
  }

  async function open(newRoot, newFolders) {
    [root, folders] = [newRoot, newFolders];
    let first = null;
    const at = { root, path: path() };
    const load = async (from, count) => {
      const found = await get("folder", { ...at, first: from, count });
      first ??= found;
      const items = found.pictures.map((each) => ({
        root: at.root, place: joined(each.path), name: each.name, key: joined(each.path),
      }));
      return { count: found.count, items };
    };
    try {
      await grid.open(load);
    } catch (error) {
      notice(error.message);
      return;
    }
    drawWay();
    fill(inside, first.folders.map((each) => folderButton(each)));
    told.textContent = [
      t("pictures.count", { count: first.count }),
      first.others ? t("others.count", { count: first.others }) : "",
    ].filter(Boolean).join(" · ");
    grid.element.hidden = first.count === 0;
    if (!first.count && !first.folders.length && root !== "samples") {
      told.append(" ", h("button", { onclick: () => open("samples", []) }, t("samples.try")));
    }
    const name = root === "samples" ? t("samples") : folders.length ? folders[folders.length - 1].name : state.roots.find((each) => each.id === root)?.name ?? t("dropped");
    const sample = grid.item(0);
    change({
      place: { ...at, name, count: first.count, folders: first.folders.length, isFile: false },
      sample: sample ? { root: sample.root, path: sample.place, name: sample.name } : null,
      output: null,
    });
    if (sample) {
      grid.selected = 0;
      grid.draw();
    }
  }

  function folderButton(each) {
    const go = () => open(root, [...folders, each]);
    return h("button", { class: "folder", onclick: go }, h("span", { class: "icon-folder", "aria-hidden": "true" }), each.name);
  }

  function drawWay() {
    const roots = h("select", { "aria-label": t("opened"), onchange: () => open(roots.value, []) },
      state.roots.map((each) => h("option", { value: each.id, selected: each.id === root, title: each.path }, each.name)));
    roots.append(h("option", { value: "samples", selected: root === "samples" }, t("samples")));
    if (root === "inbox") {
      roots.append(h("option", { value: root, selected: true, disabled: true }, t("dropped")));
    }
    const steps = folders.map((each, index) => h("button", {
      class: "plain", onclick: () => open(root, folders.slice(0, index + 1)),
      "aria-current": index === folders.length - 1 ? "true" : undefined,
    }, each.name));
    const up = folders.length && root !== "inbox" ? h("button", { class: "plain", onclick: () => open(root, []) }, "⌂") : null;
    up?.setAttribute("aria-label", t("top"));
    const discard = root === "inbox" ? h("button", { class: "plain", onclick: () => discardUpload() }, t("discard")) : null;
    fill(way, roots, up, steps.flatMap((each) => [h("span", { "aria-hidden": "true" }, "›"), each]), discard);
  }

  async function discardUpload() {
    try {
      await remove(`inboxes/${folders[0].path}`);
      await open(state.roots[0].id, []);
    } catch (error) {
      notice(error.message);
    }
  }

  return { element, open, start: () => open(root, []), current: () => ({ ...chosen.place }) };
}
