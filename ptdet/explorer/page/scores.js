// Precision, recall and F1 over the pictures that were loaded, and their curves over the confidence.

import { element } from "./list.js";
import { run } from "./pipeline.js";
import { settingsIn } from "./state.js";
import { compare, FALSE, TRUE } from "./truth.js";

const REST = 200;  // milliseconds after the last change
const SLICE = 12;  // milliseconds of work at a time: sliders go before
const [WIDE, HIGH] = [264, 120];
const EDGE = 24;
const MOST_TOLD = 3;  // pictures that cannot be read
const SVG = "http://www.w3.org/2000/svg";

// points: { score, true } of boxes that count; objects: how many there are. Precision, recall and F1 of all boxes with a
// score or a higher one, at each score that there is, best first: F1 of ptdet.evaluation.
export function curveOf(points, objects) {
  const order = [...points].sort((a, b) => b.score - a.score);
  const curve = [];
  let found = 0;
  order.forEach((point, place) => {
    found += point.true ? 1 : 0;
    if (order[place + 1]?.score === point.score) return;
    curve.push({ score: point.score, ...measures(found, place + 1 - found, objects) });
  });
  return curve;
}

export function measures(found, wrong, objects) {
  return {
    precision: found + wrong ? found / (found + wrong) : null,
    recall: objects ? found / objects : null,
    f1: found + wrong + objects ? (2 * found) / (found + wrong + objects) : null,
  };
}

// What counts of one picture.
export function pointsOf(kernels, picture, settings) {
  const found = run(kernels, picture, settings);
  const compared = compare(kernels, picture, found, settings.matchIou);
  const points = [];
  compared.outcome.forEach((what, place) => {
    if (what === FALSE || what === TRUE) points.push({ score: found.scores[place], true: what === TRUE });
  });
  return { points, objects: compared.objects };
}

export class Scores {
  // all(): asked to load every picture.
  constructor(kernels, all) {
    this.kernels = kernels;
    this.place = document.getElementById("scores");
    this.pictures = new Map();
    this.seen = new Set();  // also those that have no truth
    this.missed = new Map();  // why which could not be read
    this.settings = null;
    this.work = 0;
    this.all = all;
  }

  add(number, picture) {
    if (this.seen.has(number)) return;
    this.seen.add(number);
    this.missed.delete(number);
    if (picture.truth !== null) this.pictures.set(number, picture);
    this.again();
  }

  miss(number, why) {
    this.missed.set(number, why);
    this.again();
  }

  // What stands there is not all any more; `show` counts again.
  again() {
    this.settings = null;
    this.done = false;
  }

  // How far it is, in the place of the button that asked for all.
  tellLoading(done, of) {
    const button = this.place.querySelector("button");
    this.settings = null;  // it is drawn again
    if (button) Object.assign(button, { disabled: true, textContent: `Loading: ${done} of ${of}` });
  }

  // Once the sliders rest; `of`: how many pictures there are.
  show(state, of) {
    const settings = settingsIn(state);
    const key = JSON.stringify([settings, of]);
    if (this.key === key && this.settings !== null) return;
    [this.key, this.settings] = [key, settings];
    this.work += 1;
    this.done = false;
    this.place.ariaBusy = "true";  // what stands there is of other settings
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.countAndDraw(settings, of, this.work), REST);
  }

  async countAndDraw(settings, of, work) {
    try {
      await this.count(settings, work);
      if (work === this.work) this.draw(settings, of);
    } catch (error) {
      const why = element("p", "hint", `${settings.method}: ${error.message}`);
      if (work === this.work) this.place.replaceChildren(element("h2", "", "Against the truth"), why);
    }
    if (work !== this.work) return;
    this.place.ariaBusy = "false";
    this.done = true;
  }

  async count(settings, work) {
    const chosen = { points: [], objects: 0 };
    const whole = { points: [], objects: 0 };
    let begun = performance.now();
    for (const picture of this.pictures.values()) {
      for (const [sum, more] of [[chosen, {}], [whole, lowest(settings, picture)]]) {
        const one = pointsOf(this.kernels, picture, { ...settings, ...more });
        for (const point of one.points) sum.points.push(point);
        sum.objects += one.objects;
      }
      if (performance.now() - begun < SLICE) continue;
      await new Promise((resolve) => setTimeout(resolve));
      if (work !== this.work) return;
      begun = performance.now();
    }
    const found = chosen.points.filter((point) => point.true).length;
    this.numbers = { ...measures(found, chosen.points.length - found, chosen.objects), objects: chosen.objects };
    this.curve = curveOf(whole.points, whole.objects);
  }

  draw({ conf, matchIou }, of) {
    const count = this.pictures.size;
    const head = element("h2", "", "Against the truth");
    const these = count < of ? `${count} of ${of} pictures: those loaded so far` : `all ${of} pictures`;
    const loaded = element("p", "hint", `of ${these}, at IoU ${matchIou}`);
    const { precision, recall, f1 } = this.numbers;
    const said = element("p", "numbers");
    for (const [name, value] of [["precision", precision], ["recall", recall], ["F1", f1]]) {
      const cell = element("span", "", name);
      cell.prepend(element("b", "", told(value)));
      said.append(cell);
    }
    const parts = [head, said, loaded];
    const without = this.seen.size - count;
    if (without) parts.push(element("p", "hint", `${without} that were loaded are not compared: their Notes say why`));
    const missed = Array.from(this.missed, ([number, why]) => `picture ${number + 1} cannot be read: ${why.message}`);
    if (missed.length > MOST_TOLD) missed.splice(MOST_TOLD, Infinity, `and ${missed.length - MOST_TOLD} more`);
    parts.push(...missed.map((words) => element("p", "hint", words)));
    if (this.seen.size < of) {
      const button = element("button", "", "Load all pictures");
      button.type = "button";
      button.addEventListener("click", () => this.all());
      parts.push(button);
    }
    if (this.curve.length && this.numbers.objects) {
      const marked = { ...this.numbers, score: conf };
      parts.push(
        chart("precision over recall", this.curve, marked, ["recall", "precision"]),
        chart("F1 over confidence", this.curve, marked, ["score", "f1"]),
      );
    }
    this.place.replaceChildren(...parts);
  }
}

function told(value) {
  return value === null ? "–" : value.toFixed(3);
}

// With no confidence of its own for any class: the curve is over one that all have.
function lowest({ conf, classes }, picture) {
  const without = Object.entries(classes).map(([name, { iou }]) => [name, iou === undefined ? {} : { iou }]);
  return { conf: Math.min(picture.lowest, conf), classes: Object.fromEntries(without) };
}

// A line over 0 to 1, the chosen point a dot.
function chart(title, curve, marked, [across, up]) {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "chart", role: "img" });
  svg.setAttribute("aria-label", `${title}: at the chosen confidence ${told(marked[across])}, ${told(marked[up])}`);
  const x = (value) => EDGE + Math.min(Math.max(value, 0), 1) * (WIDE - EDGE - 6);
  const y = (value) => HIGH - 18 - Math.min(Math.max(value, 0), 1) * (HIGH - 36);
  for (const value of [0, 0.5, 1]) {
    svg.append(
      drawn("path", { class: "grid", d: `M${x(0)} ${y(value)}H${x(1)}M${x(value)} ${y(0)}V${y(1)}` }),
      drawn("text", { x: EDGE - 4, y: y(value) + 4, "text-anchor": "end" }, String(value)),
      drawn("text", { x: x(value), y: HIGH - 5, "text-anchor": value === 1 ? "end" : "middle" }, String(value)),
    );
  }
  const line = curve.map((point, n) => {
    const [at, high] = [x(point[across]).toFixed(1), y(point[up]).toFixed(1)];
    // down to the next score the same boxes count
    return across === "score" && n ? `H${at}V${high}` : `${n ? "L" : "M"}${at} ${high}`;
  });
  svg.append(drawn("text", { x: EDGE, y: 11 }, title), drawn("path", { class: "curve", d: line.join("") }));
  if (marked[across] !== null && marked[up] !== null) {
    svg.append(drawn("circle", { class: "point", cx: x(marked[across]), cy: y(marked[up]), r: 4 }));
  }
  return svg;
}

function drawn(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}
