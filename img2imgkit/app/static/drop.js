// Files and folders that are dropped on the page, or chosen in a dialog, are uploaded; names are kept.

import { post, remove, upload } from "./api.js";
import { fill, h, notice } from "./dom.js";
import { bytes, t } from "./strings.js";

export function dropZone(state, onDone) {
  const files = h("input", { type: "file", multiple: true, accept: "image/*", class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const folder = h("input", { type: "file", webkitdirectory: true, class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  const bar = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("uploading") });
  const told = h("span", { class: "muted" }, t("drop", { size: bytes(state.upload) }));
  const element = h("div", { class: "drop" },
    h("button", { onclick: () => files.click() }, t("choose.files")),
    h("button", { onclick: () => folder.click() }, t("choose.folder")), told, bar, files, folder);
  const veil = h("div", { class: "veil", hidden: true }, h("p", {}, t("drop.here")));
  document.body.append(veil);

  async function send(found) {
    if (!found.length) return;
    const size = found.reduce((sum, each) => sum + each.file.size, 0);
    let id = null;
    try {
      ({ id } = await post("inboxes", { bytes: size, files: found.length }));
      const refused = await sendAll(id, found, size);
      if (refused.length === found.length) throw new Error(refused[0]);
      if (refused.length) notice(t("refused", { count: refused.length, first: refused[0] }), "info");
      onDone(id, nameOf(found));
    } catch (error) {
      notice(error.message);
      if (id) await remove(`inboxes/${id}`).catch(() => {});
    }
    bar.hidden = true;
    fill(told, t("drop", { size: bytes(state.upload) }));
  }

  async function sendAll(id, found, size) {
    const refused = [];
    let sent = 0;
    bar.hidden = false;
    for (const { file, path } of found) {
      bar.value = size ? sent / size : 0;
      fill(told, t("uploading.file", { name: path }));
      try {
        await upload(`inboxes/${id}/files`, path, file);
      } catch (error) {
        refused.push(error.message);
      }
      sent += file.size;
    }
    return refused;
  }

  const listed = (input) => {
    const found = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    input.value = "";
    return found;
  };
  files.addEventListener("change", () => send(listed(files)));
  folder.addEventListener("change", () => send(listed(folder)));

  let depth = 0;
  const isFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  window.addEventListener("dragenter", (event) => {
    if (!isFiles(event)) return;
    depth += 1;
    veil.hidden = false;
  });
  window.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  window.addEventListener("dragover", (event) => isFiles(event) && event.preventDefault());
  window.addEventListener("drop", async (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    send(await dropped(event.dataTransfer.items));
  });
  return element;
}

function nameOf(found) {
  const first = found[0].path.split("/");
  return first.length > 1 ? first[0] : found.length === 1 ? first[0].replace(/\.[^.]*$/, "") : t("dropped");
}

async function dropped(items) {
  const entries = [...items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
  const found = [];
  for (const each of entries) await walk(each, "", found);
  return found;
}

async function walk(entry, folder, found) {
  const path = folder ? `${folder}/${entry.name}` : entry.name;
  if (entry.isFile) {
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), path });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return;
    for (const each of part) await walk(each, path, found);
  }
}
