// The page: what was chosen, and all that follows from it.

import { Chosen } from "./chosen.js";
import { ClassTable } from "./classes.js";
import { asCommand } from "./command.js";
import { asToml, CONFIG_NAME } from "./config.js";
import { Kernels, METHODS } from "./kernels.js";
import { listenToKeys } from "./keys.js";
import { showLegend } from "./legend.js";
import { element, List } from "./list.js";
import { unpack } from "./picture.js";
import { OF_METHOD, run } from "./pipeline.js";
import { Scores } from "./scores.js";
import { Settings } from "./settings.js";
import { ClassMenu, seenOf } from "./shown.js";
import { openSource } from "./source.js";
import { Stage } from "./stage.js";
import { asAddress, initialState, readAddress, resetSettings, settle } from "./state.js";
import { compare } from "./truth.js";

const by = (id) => document.getElementById(id);
const SLOW = 400;  // milliseconds, after which the page says that it loads
const count = (number) => number.toLocaleString("en");

class Page {
  async open() {
    this.source = await openSource();
    const [start, bytes] = await Promise.all([this.source.start(), this.source.kernels()]);
    this.words = start.command;
    this.kernels = await Kernels.load(bytes);
    this.initial = initialState(start.settings, start.lowest);
    this.state = readAddress(location.hash, this.initial);
    this.list = new List((number) => this.go(number), start.truth);
    this.settings = new Settings((changed) => this.change(changed), start.truth);
    this.scores = start.truth ? new Scores(this.kernels, () => this.loadAll()) : null;
    by("scores").hidden = !start.truth;
    for (const option of document.querySelectorAll("#sort [hidden]")) option.hidden = !start.truth;
    this.classes = new ClassTable((classes) => this.change({ classes }));
    this.menu = new ClassMenu((only) => this.change({ only }));
    this.chosen = new Chosen(this.kernels, (box) => this.pin(box));
    this.stage = new Stage({
      chosen: (what) => this.point(what),
      pinned: (what) => this.pinWhat(what),
      moved: (split) => this.change({ split }),
    });
    this.pointed = null;
    this.listen();
    this.useTheme();
    await this.source.list((rows, said) => this.listed(rows, said));
  }

  listen() {
    listenToKeys(this);
    by("previous").addEventListener("click", () => this.list.step(-1));
    by("next").addEventListener("click", () => this.list.step(1));
    by("view").addEventListener("click", () => this.toggleView());
    by("labels").addEventListener("change", () => this.change({ labels: by("labels").checked }));
    by("fit").addEventListener("click", () => this.stage.fit());
    by("copy").addEventListener("click", () => this.copy());
    by("save").addEventListener("click", () => this.save());
    by("theme").addEventListener("click", () => this.toggleTheme());
    by("help").addEventListener("click", () => by("keys").showModal());
    by("reset").addEventListener("click", () => this.reset());
    window.addEventListener("hashchange", () => {
      const before = this.state.picture;
      this.state = readAddress(location.hash, this.initial);
      this.found = null;
      this.useTheme();
      if (this.state.picture !== before) this.load();
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.useTheme());
  }

  listed(rows, { problems, told, whole }) {
    this.list.add(rows);
    const known = this.list.rows.length;
    const pictures = `${count(known)} ${known === 1 ? "picture" : "pictures"}`;
    by("listed").textContent = [pictures, told].filter(Boolean).join(" · ");
    this.problems = problems;
    this.showNotes();
    if (this.picture || this.loading) return;
    if (known > 0 && (whole || this.state.picture < known)) this.load();
    else this.notice(whole ? "There is no picture to show." : "Reading ...");
  }

  go(number) {
    if (number === this.state.picture && this.picture) return;
    Object.assign(this.state, { picture: number, box: null, object: null });
    this.load();
  }

  async load() {
    const number = Math.min(this.state.picture, this.list.rows.length - 1);
    if (number < 0) return;
    this.state.picture = number;
    this.list.show(number);
    this.keepAddress();
    const load = {};
    this.loading = load;
    const slow = setTimeout(() => this.notice("Loading ..."), SLOW);
    let [picture, image, missing, problem] = [null, null, "", ""];
    try {
      picture = unpack(await this.source.payload(number));
      if (picture.image) {
        image = await this.source.image(number).catch(() => {
          missing = "its picture cannot be shown by a browser";
          return null;
        });
      }
    } catch (error) {
      problem = `This picture cannot be read: ${error.message}`;
    }
    clearTimeout(slow);
    if (this.loading !== load) return;  // another was asked for meanwhile
    this.loading = null;
    this.picture = picture;
    this.missing = missing;
    this.pointed = null;
    this.found = null;
    if (picture === null) {
      this.named(this.list.rows[number].name);
      this.fail(problem);
      return;
    }
    this.scores?.add(number, picture);
    this.stage.view = this.state.view;
    this.stage.setPicture(picture, image, picture.size ?? (image && [image.naturalWidth, image.naturalHeight]));
    this.named(picture.name);
    this.update();
  }

  named(name) {
    by("title").textContent = name;
    by("title").title = name;
    document.title = `${name} · ptdet`;
    for (const [id, way] of [["previous", -1], ["next", 1]]) by(id).setAttribute("aria-disabled", !this.list.has(way));
    this.showNotes();
  }

  // For the numbers of the whole set.
  async loadAll() {
    for (let number = 0; number < this.list.rows.length; ++number) {
      if (this.scores.seen.has(number)) continue;
      this.scores.tellLoading(number, this.list.rows.length);
      try {
        this.scores.add(number, unpack(await this.source.payload(number)));
      } catch (error) {
        this.scores.miss(number, error);
      }
    }
    this.soon();
  }

  change(changed) {
    Object.assign(this.state, changed);
    settle(this.state);
    if (Object.keys(changed).some((name) => !["split", "view", "only", "labels"].includes(name))) this.found = null;
    this.soon();
  }

  reset() {
    resetSettings(this.state, this.initial);
    this.found = null;
    this.soon();
  }

  // One update a frame, however many events there are.
  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = undefined;
      this.update();
    });
  }

  update() {
    this.settings.show(this.state, this.picture);
    this.classes.show(this.state, this.picture);
    by("labels").checked = this.state.labels;
    by("view").textContent = this.state.view === "side" ? "Wiper" : "Side by side";
    by("split").value = this.state.split;
    by("stage").style.setProperty("--split", this.state.split);
    this.keepAddress();
    if (!this.picture) return;
    try {
      this.found ??= run(this.kernels, this.picture, this.state);
    } catch (error) {
      this.fail(`${this.state.method}: ${error.message}`);
      this.scores?.show(this.state, this.list.rows.length);
      return;
    }
    this.notice(this.found.candidates.length ? "" : this.whyNone());
    const refit = this.stage.fitted && this.stage.view !== this.state.view;
    this.found.compared ??= compare(this.kernels, this.picture, this.found, this.state.matchIou);
    this.scores?.show(this.state, this.list.rows.length);
    this.seen = seenOf(this.picture, this.found, this.state.only);
    this.stage.setResult(this.found, this.seen, this.state);
    showLegend(this.found.compared, this.seen);
    this.menu.show(this.picture, this.found, this.state.only);
    if (refit) this.stage.fit();
    const { candidates, keep, milliseconds } = this.found;
    by("counts").textContent =
      `${count(candidates.length)} → ${count(keep.length)} · ${count(candidates.length - keep.length)} removed · ` +
      `${milliseconds < 0.05 ? "< 0.1" : milliseconds.toFixed(1)} ms`;
    const { rows, places } = this.seen;
    const part = (of, all) => (this.seen.owns === null ? count(all) : `${count(of)} of ${count(all)}`);
    by("before").textContent = `before ${part(rows.length, candidates.length)}`;
    by("after").textContent = `after ${part(places.length, keep.length)}`;
    this.showChosen();
  }

  whyNone() {
    const { count: there, lowest } = this.picture;
    return `No box has a score above ${there ? this.state.conf : `${lowest}: there is none in the file`}.`;
  }

  // There is no result, and what is left of the last one goes.
  fail(why) {
    this.found = null;
    this.stage.clear();
    this.chosen.show(null, null, null);
    showLegend(null, null);
    for (const id of ["counts", "before", "after"]) by(id).textContent = "";
    this.notice(why);
  }

  // What is under the pointer: { box }, a candidate, { object }, one that is missed, or null.
  point(what) {
    if (what?.box === this.pointed?.box && what?.object === this.pointed?.object) return;
    this.pointed = what;
    this.showChosen();
  }

  pinWhat(what) {
    if (what?.object === undefined) this.pin(what?.box ?? null);
    else this.pinMissed(what.object);
  }

  pinMissed(object) {
    if (this.loading) return;
    Object.assign(this.state, { box: null, object });
    this.pointed = null;
    this.keepAddress();
    this.showChosen();
  }

  // A box that stays chosen: in the address its place among the boxes of the picture.
  pin(box) {
    if (this.loading) return;  // it would be a box of the next picture
    this.state.object = null;
    this.state.box = box === null || !this.found ? null : this.found.candidates[box];
    this.pointed = null;
    this.keepAddress();
    this.showChosen();
  }

  pinned() {
    if (this.state.box === null || !this.found || this.loading) return null;
    const box = this.found.candidates.indexOf(this.state.box);
    return box < 0 ? null : box;
  }

  showChosen() {
    if (!this.found) return;
    const pinned = this.pointed === null;
    const object = pinned ? this.missedNow() : this.pointed.object;
    if (object !== undefined) {
      const missed = this.chosen.whyMissed(this.picture, this.found, object, this.state);
      this.stage.mark(missed);
      this.chosen.showMissed(this.picture, this.found, missed, this.stage.objects, pinned);
      return;
    }
    const box = pinned ? this.pinned() : this.pointed.box;
    const chosen = box === null ? null : this.chosen.relations(this.picture, this.found, box, this.state);
    if (chosen) chosen.corners = this.stage.cornersAt(box);
    this.stage.mark(chosen);
    this.chosen.show(this.picture, this.found, chosen, this.state, pinned);
  }

  // The chosen object, as long as it is missed; else undefined.
  missedNow() {
    return this.loading ? undefined : this.found?.compared?.missed.find((object) => object === this.state.object);
  }

  // By decreasing score, as they were decided.
  stepBox(by) {
    if (!this.found || !this.seen.rows.length) return;
    const { scores } = this.picture;
    const { candidates } = this.found;
    const order = [...(this.seen.owns ?? candidates.keys())];
    order.sort((a, b) => scores[candidates[b]] - scores[candidates[a]] || a - b);
    const now = this.pinned();
    const next = now === null ? (by > 0 ? 0 : -1) : Math.max(order.indexOf(now), by > 0 ? -1 : 0) + by;
    this.pin(order.at(next % order.length));
  }

  stepMissed(by) {
    const { missed } = this.seen ?? { missed: [] };
    if (!missed.length) return;
    const now = missed.indexOf(this.state.object);
    this.pinMissed(missed.at((Math.max(now, by > 0 ? -1 : 0) + by) % missed.length));
  }

  toOwner() {
    const object = this.missedNow();
    if (object !== undefined) {
      const { box } = this.chosen.whyMissed(this.picture, this.found, object, this.state);
      if (box !== null) this.pin(box);
      return;
    }
    const now = this.pinned();
    if (now !== null && this.found.owner[now] >= 0) this.pin(this.found.owner[now]);
  }

  stepMethod(by) {
    const names = Object.keys(METHODS);
    const next = names.at((names.indexOf(this.state.method) + by) % names.length);
    this.change({ method: next, ...OF_METHOD });
  }

  stepClass(by) {
    if (this.picture?.labels) this.change({ only: this.menu.step(by) });
  }

  toggleView() {
    this.change({ view: this.state.view === "side" ? "wipe" : "side" });
  }

  moveSplit(by) {
    this.change({ view: "wipe", split: Math.min(Math.max(Number((this.state.split + by).toFixed(2)), 0), 1) });
  }

  themeNow() {
    return this.state.theme ?? (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }

  toggleTheme() {
    this.state.theme = this.themeNow() === "dark" ? "light" : "dark";
    this.useTheme();
  }

  useTheme() {
    if (this.state.theme === null) delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.state.theme;
    this.stage.useTheme(this.themeNow());
    this.soon();
  }

  async copy() {
    const command = asCommand(this.words, this.state);
    try {
      await navigator.clipboard.writeText(command);
      this.say("Copied");
    } catch {
      this.say("Not allowed here: it stands under Notes");
    }
    this.command = command;
    this.showNotes();
  }

  // The settings as a file, for ptdet run --config.
  save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([asToml(this.state)], { type: "application/toml" }));
    link.download = CONFIG_NAME;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  say(words) {
    const button = by("copy");
    button.textContent = words;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (button.textContent = "Copy as command"), 1500);
  }

  // Once the sliders rest: each change of it takes milliseconds.
  keepAddress() {
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => history.replaceState(null, "", asAddress(this.state, this.initial)), 150);
  }

  notice(words) {
    by("notice").hidden = !words;
    by("notice").textContent = words;
  }

  showNotes() {
    const { stored, unusable, lowest, notes, count: there } = this.picture ?? {};
    const said = [];
    if (this.picture) {
      said.push(`${count(stored)} boxes in the file, ${count(there)} with a score above ${lowest}`);
      const why = "a number in them is not finite, or they are padding";
      if (unusable) said.push(`${count(unusable)} rows are left out: ${why}`);
      if (this.missing) said.push(this.missing);
      said.push(...notes);
    }
    said.push(...(this.problems ?? []));
    const list = element("ul");
    list.append(...said.map((words) => element("li", "", words)));
    by("notes").replaceChildren(element("h2", "", "Notes"), list);
    if (this.command) by("notes").append(element("pre", "", this.command));
  }
}

const page = new Page();
globalThis.explorer = page;  // for the console, and for tests
page.open().catch((error) => page.notice(`The page cannot start: ${error.message}`));
