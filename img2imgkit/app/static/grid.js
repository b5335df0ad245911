// A grid of pictures that keeps only what is seen in the page, however many there are.

import { fill, h } from "./dom.js";

const PAGE = 200;
const GAP = 8;

export class Grid {
  // load(first, count) -> {count, items}; tile(item) -> [children]; pick(item, index)
  constructor({ label, load, tile, pick, side = 196 }) {
    Object.assign(this, { load, tile, pick, side });
    this.pages = new Map();
    this.count = 0;
    this.focused = 0;
    this.selected = -1;
    this.generation = 0;
    this.inner = h("div", { class: "grid-inner", role: "presentation" });
    this.element = h("div", { class: "grid", role: "listbox", "aria-label": label, tabindex: "-1" }, this.inner);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.onKey(event));
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  async open(load = this.load) {
    this.load = load;
    this.generation += 1;
    this.pages.clear();
    this.selected = -1;
    this.focused = 0;
    this.element.scrollTop = 0;
    fill(this.inner);
    return this.refresh();
  }

  async refresh() {
    this.pages.clear();
    await this.fetch(0);
    this.draw();
    return this.count;
  }

  async fetch(page) {
    if (this.pages.has(page)) return;
    this.pages.set(page, null);
    const generation = this.generation;
    let found;
    try {
      found = await this.load(page * PAGE, PAGE);
    } catch (error) {
      this.pages.delete(page); // asked again when it is drawn again
      throw error;
    }
    if (generation !== this.generation) return;
    this.count = found.count;
    this.pages.set(page, found.items);
    this.draw();
  }

  item(index) {
    return this.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  get columns() {
    const side = this.count <= 6 ? 1.4 * this.side : this.side; // few pictures are shown larger
    return Math.max(2, Math.floor((this.inner.clientWidth + GAP) / (side + GAP)));
  }

  draw() {
    const columns = this.columns;
    const width = (this.inner.clientWidth - GAP * (columns - 1)) / columns;
    const row = width * 0.8 + 26 + GAP;
    this.row = row;
    this.inner.style.height = `${Math.max(0, Math.ceil(this.count / columns) * row - GAP)}px`;
    const first = Math.max(0, Math.floor(this.element.scrollTop / row) - 1) * columns;
    const last = Math.min(this.count, (Math.ceil((this.element.scrollTop + this.element.clientHeight) / row) + 1) * columns);
    const kept = new Map([...this.inner.children].map((each) => [Number(each.dataset.index), each]));
    for (const [index, each] of kept) if (index < first || index >= last) each.remove();
    for (let index = first; index < last; index += 1) {
      const item = this.item(index);
      if (item === undefined) {
        this.fetch(Math.floor(index / PAGE)).catch(() => {});
        continue;
      }
      let element = kept.get(index);
      if (!element || element.dataset.key !== item?.key) {
        element?.remove();
        element = item === null || item === undefined ? null : this.made(item, index);
        if (element) this.inner.append(element);
      }
      if (element) {
        element.style.width = `${width}px`;
        element.style.height = `${row - GAP}px`;
        element.style.transform = `translate(${(index % columns) * (width + GAP)}px, ${Math.floor(index / columns) * row}px)`;
        element.tabIndex = index === this.focused ? 0 : -1;
        element.setAttribute("aria-selected", String(index === this.selected));
        element.setAttribute("aria-setsize", String(this.count));
      }
    }
  }

  made(item, index) {
    const element = h("div", { class: "tile", role: "option", "aria-posinset": String(index + 1) }, this.tile(item));
    element.dataset.index = String(index);
    element.dataset.key = item.key;
    element.addEventListener("click", () => this.choose(index));
    return element;
  }

  choose(index) {
    const item = this.item(index);
    if (!item) return;
    this.selected = index;
    this.focus(index);
    this.pick(item, index);
  }

  focus(index) {
    this.focused = Math.min(Math.max(0, index), this.count - 1);
    const top = Math.floor(this.focused / this.columns) * this.row;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    const bottom = top + this.row;
    if (bottom > this.element.scrollTop + this.element.clientHeight) this.element.scrollTop = bottom - this.element.clientHeight;
    this.draw();
    this.inner.querySelector(`[data-index="${this.focused}"]`)?.focus({ preventScroll: true });
  }

  onKey(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns };
    steps.PageDown = this.columns * Math.max(1, Math.floor(this.element.clientHeight / this.row));
    steps.PageUp = -steps.PageDown;
    steps.Home = -this.count;
    steps.End = this.count;
    if (event.key in steps) this.focus(this.focused + steps[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.choose(this.focused);
    else return;
    event.preventDefault();
  }
}

export function thumbnail(source, name) {
  const image = h("img", { src: source, alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.classList.add("broken"));
  return [h("span", { class: "picture" }, image), h("span", { class: "name", title: name }, name)];
}
