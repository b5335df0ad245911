// The queue: progress, pause, cancel, resume, and the way to the results.

import { address, post, text } from "./api.js";
import { at, fill, h, notice } from "./dom.js";
import { gallery } from "./results.js";
import { seconds, t } from "./strings.js";
import { copyOrShow, showPipeline } from "./text_dialog.js";

const ACTIVE = new Set(["queued", "running", "stopping", "blocked"]);
const rows = new Map();

async function act(batch, action) {
  try {
    await post(`batches/${batch.id}`, { action });
  } catch (error) {
    notice(error.message);
  }
}

async function resumeAll(view) {
  for (const each of view.paused) await act(each, "resume");
}

const button = (label, action, kind = "") => h("button", { class: kind, onclick: action }, label);

function actions(batch) {
  const found = [];
  if (batch.state === "running" || batch.state === "queued" || batch.state === "blocked") found.push(button(t("pause"), () => act(batch, "pause")));
  if (batch.state === "queued") found.push(button(t("first"), () => act(batch, "first")));
  if (["paused", "broken"].includes(batch.state)) found.push(button(t("resume"), () => act(batch, "resume"), "main"));
  if (["failed", "cancelled", "done"].includes(batch.state)) found.push(button(t("again"), () => act(batch, "resume")));
  if (ACTIVE.has(batch.state) || batch.state === "paused") found.push(button(t("cancel"), () => act(batch, "cancel")));
  if (batch.failed) found.push(button(t("copy.report"), () => copyReport(batch)));
  if (batch.outputs) found.push(h("a", { class: "button", href: address(`batches/${batch.id}/archive.zip`), download: "" }, t("download.all")));
  found.push(button(t("show.yaml"), async () => showPipeline(await text(`batches/${batch.id}/pipeline.yaml`))));
  if (!["running", "stopping"].includes(batch.state)) found.push(button(t("remove"), () => act(batch, "remove"), "plain"));
  return found;
}

const copyReport = async (batch) => copyOrShow(batch.name, await text(`batches/${batch.id}/failures.txt`), t("copied.report"));

function progress(batch) {
  const parts = [t("made", { made: batch.made, total: batch.total })];
  if (batch.failed) parts.push(t("failed.count", { count: batch.failed }));
  if (batch.rate) parts.push(t("rate", { value: Number(batch.rate.toPrecision(2)) }));
  if (batch.eta !== null) parts.push(t("left", { time: seconds(batch.eta) }));
  return parts.join(" · ");
}

function row(batch) {
  const title = h("h3", {}, batch.name);
  const state = h("span", { class: "state" });
  const bar = h("progress", { max: 1, "aria-label": batch.name });
  const told = h("p", { class: "muted" });
  const problem = h("p", { class: "problem" });
  const buttons = h("div", { class: "row" });
  const pictures = gallery(batch.id);
  const element = h("article", { class: "batch panel" }, h("header", {}, title, state),
    h("p", { class: "muted way" }, `${batch.source} → ${batch.output}`), bar, told, problem, buttons, pictures.element);
  let drawn = "";
  const update = (now) => {
    state.textContent = t(`state.${now.state}`);
    element.dataset.state = now.state;
    bar.hidden = !now.total;
    if (now.total) [bar.max, bar.value] = [now.total, now.made];
    else bar.removeAttribute("value");
    told.textContent = !now.surveyed && !ACTIVE.has(now.state) ? t("asking") : [now.total ? progress(now) : "", now.text].filter(Boolean).join(" · ");
    problem.textContent = now.state === "blocked" ? t("blocked", { text: now.text }) : now.problem;
    problem.hidden = !problem.textContent;
    const key = [now.state, now.failed > 0, now.outputs > 0].join();
    if (key !== drawn) {
      drawn = key;
      const label = document.activeElement?.closest("article") === element ? document.activeElement.textContent : null;
      fill(buttons, actions(now));
      const again = label && [...buttons.children].find((each) => each.textContent === label);
      (again || (label && buttons.firstElementChild))?.focus();
    }
    pictures.update(now);
  };
  return { element, update };
}

export function showBatches(batches) {
  const view = at("batches");
  let list = view.querySelector(".list");
  if (!list) {
    list = h("div", { class: "list" });
    const all = button(t("resume.all"), () => resumeAll(view), "main");
    fill(view, h("div", { class: "all row", hidden: true }, all), list, h("p", { class: "empty muted" }, t("no.batches")));
  }
  const ids = new Set(batches.map((each) => each.id));
  for (const [id, each] of rows) {
    if (ids.has(id)) continue;
    each.element.remove();
    rows.delete(id);
  }
  const newest = [...batches].sort((a, b) => ACTIVE.has(b.state) - ACTIVE.has(a.state) || b.created - a.created);
  newest.forEach((batch, index) => {
    if (!rows.has(batch.id)) rows.set(batch.id, row(batch));
    const { element, update } = rows.get(batch.id);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
    update(batch);
  });
  view.paused = batches.filter((each) => each.state === "paused");
  view.querySelector(".all").hidden = view.paused.length < 2;
  view.querySelector(".empty").hidden = batches.length > 0;
  tell(batches);
}

function tell(batches) {
  const active = batches.filter((each) => ACTIVE.has(each.state));
  const count = at("batches-open");
  count.hidden = !active.length;
  count.textContent = String(active.length);
  const running = batches.find((each) => each.state === "running");
  const eta = running && running.eta !== null ? ` · ${t("left", { time: seconds(running.eta) })}` : "";
  const now = running ? `${running.name}: ${t("made", { made: running.made, total: running.total })}${eta}` : "";
  if (at("now").textContent !== now) at("now").textContent = now;
}
