// The list of pictures: thousands of rows, of which those in sight are there.

const HIGH = 46;  // pixels of a row, as in style.css
const HIGHER = 60;  // with a truth
const TAIL = 12;  // letters of a name that are always there: names of one run differ at their ends
const ORDERS = {
  order: (a, b) => a.number - b.number,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  candidates: (a, b) => b.candidates - a.candidates,
  removed: (a, b) => b.removed - a.removed,
  false: (a, b) => (b.false ?? -1) - (a.false ?? -1),
  missed: (a, b) => (b.missed ?? -1) - (a.missed ?? -1),
};

export class List {
  // chosen(number): told of the picture that was chosen.
  constructor(chosen, hasTruth) {
    this.high = hasTruth ? HIGHER : HIGH;
    this.box = document.getElementById("rows");
    this.space = document.getElementById("space");
    this.search = document.getElementById("search");
    this.sort = document.getElementById("sort");
    this.chosen = chosen;
    this.rows = [];
    this.order = [];
    this.current = 0;
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => {
      const row = event.target.closest("[role=option]");
      if (row) this.chosen(Number(row.dataset.number));
    });
    this.box.addEventListener("keydown", (event) => {
      const page = Math.max(1, Math.floor(this.box.clientHeight / this.high) - 1);
      const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      if (!(event.key in steps)) return;
      event.preventDefault();
      event.stopPropagation();
      this.step(steps[event.key]);
    });
    this.search.addEventListener("input", () => this.arrange());
    this.sort.addEventListener("change", () => this.arrange());
    new ResizeObserver(() => this.draw()).observe(this.box);
  }

  add(rows) {
    for (const row of rows) this.rows.push({ ...row, number: this.rows.length });
    this.arrange();
  }

  arrange() {
    const part = this.search.value.toLowerCase();
    this.order = this.rows.filter((row) => row.name.toLowerCase().includes(part)).sort(ORDERS[this.sort.value]);
    this.place = new Map(this.order.map((row, place) => [row.number, place]));
    this.space.style.height = `${this.order.length * this.high}px`;
    this.draw();
  }

  // The picture so many rows further down.
  step(count) {
    if (!this.order.length) return;
    const at = this.place.get(this.current) ?? -Math.sign(count);
    const next = Math.min(Math.max(at + count, 0), this.order.length - 1);
    this.chosen(this.order[next].number);
  }

  // Whether there is a picture so many rows further down.
  has(count) {
    const at = this.place.get(this.current);
    return at === undefined ? this.order.length > 0 : this.order[at + count] !== undefined;
  }

  show(number) {
    this.current = number;
    const top = (this.place?.get(number) ?? 0) * this.high;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + this.high > scrollTop + clientHeight) this.box.scrollTop = top + this.high - clientHeight;
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.high) - 4);
    const last = Math.min(this.order.length, first + Math.ceil(this.box.clientHeight / this.high) + 9);
    const shown = [];
    for (let place = first; place < last; ++place) shown.push(this.row(place));
    this.space.replaceChildren(...shown);
    const own = this.place?.get(this.current);
    if (own >= first && own < last) this.box.setAttribute("aria-activedescendant", `row-${this.current}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  row(place) {
    const { number, name, candidates, removed, missed, false: wrong } = this.order[place];
    const row = element("div", "row");
    row.id = `row-${number}`;
    row.dataset.number = number;
    row.style.height = `${this.high}px`;
    row.style.top = `${place * this.high}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", String(number === this.current));
    row.setAttribute("aria-setsize", this.order.length);
    row.setAttribute("aria-posinset", place + 1);
    const title = element("span", "name");
    title.title = name;
    title.append(element("span", "begin", name.slice(0, -TAIL)), element("span", "", name.slice(-TAIL)));
    const bar = element("span", "bar");
    const part = element("span", "part");
    part.style.width = `${candidates ? (100 * (candidates - removed)) / candidates : 0}%`;
    bar.append(part);
    const counts = [candidates, candidates - removed].map((count) => count.toLocaleString("en"));
    row.append(title, element("span", "facts", counts.join(" → ")), bar);
    if (wrong === undefined) return row;
    row.append(element("span", "against", `${wrong.toLocaleString("en")} false, ${missed.toLocaleString("en")} missed`));
    return row;
  }
}

// What comes from files is text, never markup.
export function element(tag, name = "", text = "") {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}
