// What there is to say of a chosen box: who removed it and why, or whom it removed.

import { element } from "./list.js";
import { className } from "./picture.js";
import { CUT, KEPT, overlapOf, REMOVED, settingsOf, thresholdOf } from "./pipeline.js";
import { finderOf, reasonOf } from "./truth.js";

const MOST_ROWS = 60;
const CLOSELY = 1e-7;  // of an overlap that is shown with four digits; of a list with three ROUGHLY, in less time
const ROUGHLY = 1e-5;

export class Chosen {
  // go(box): asked for another one.
  constructor(kernels, go) {
    this.kernels = kernels;
    this.go = go;
    this.place = document.getElementById("chosen");
  }

  // Of a candidate: its owner, those that it removed, and the overlap with the owner. null: of none.
  relations(picture, found, box, settings) {
    const own = found.owner[box];
    const owner = own >= 0 && own !== box ? own : null;
    const removed = [];
    found.owner.forEach((by, each) => by === box && each !== box && removed.push(each));
    const overlap = owner === null ? null : this.overlap(picture, found, box, owner, settings, CLOSELY);
    const words = overlap === null ? this.words(removed.length, found.fate[box]) : told(overlap);
    return { box, owner, removed, overlap, words };
  }

  overlap(picture, found, box, owner, settings, precision) {
    return overlapOf(this.kernels, picture, found.candidates[box], found.candidates[owner], settings, precision);
  }

  words(removed, fate) {
    if (fate === KEPT) return removed ? `removed ${removed}` : "kept, removed none";
    return fate === CUT ? "beyond max det" : "its score was lowered";
  }

  show(picture, found, chosen, settings, pinned) {
    this.place.classList.toggle("none", chosen === null);
    if (chosen === null) {
      this.place.replaceChildren(element("h2", "", "Box"), element("p", "hint", "Point at a box, tap it, or press n."));
      return;
    }
    const { box, owner, removed, overlap } = chosen;
    const fate = found.fate[box];
    const head = element("h2", "", pinned ? "Chosen box" : "Box");
    const facts = [this.line(picture, found, box, fateWords(fate, settings))];
    facts.push(fact("where", ...whereWords(chosen.corners, picture.rotated)));
    const place = found.keep.indexOf(box);
    if (found.compared && place >= 0) {
      facts.push(fact("truth", ...reasonOf(this.kernels, picture, found, place, settings)));
    }
    if (owner !== null) {
      facts.push(this.line(picture, found, owner, fate === REMOVED ? "removed it" : "merged it", true));
      // by a fusion a box is removed for its overlap with what the others have become, not with its owner
      const { iou } = settingsOf(settings.method, settings.kind);
      const asked = thresholdOf(picture, found.candidates[box], settings);
      const beside = overlap.value > asked ? " >" : ", threshold";
      const limit = iou && fate === REMOVED ? `${beside} ${asked}` : "";
      facts.push(element("p", "why", `${told(overlap)}${limit}`));
    }
    if (removed.length) {
      const order = [...removed].sort((a, b) => score(picture, found, b) - score(picture, found, a));
      facts.push(element("h3", "", `It removed ${removed.length}`));
      const list = element("ul", "removed");
      for (const each of order.slice(0, MOST_ROWS)) {
        const item = element("li");
        const { value } = this.overlap(picture, found, each, box, settings, ROUGHLY);
        item.append(this.button(picture, found, each, value === null ? "" : value.toFixed(3)));
        list.append(item);
      }
      facts.push(list);
      if (order.length > MOST_ROWS) facts.push(element("p", "hint", `and ${order.length - MOST_ROWS} more`));
    }
    this.place.replaceChildren(head, ...facts);
  }

  // Of a missed object: the box that could find it, and what became of that. row: its place in the picture, null: none;
  // box: which candidate it is, null: none.
  whyMissed(picture, found, object, settings) {
    const { row, overlap } = finderOf(this.kernels, picture, object, settings.matchIou);
    const at = row === null ? -1 : found.candidates.indexOf(row);
    const box = at < 0 ? null : at;
    const words = `${row === null ? "best " : ""}IoU ${overlap.toFixed(3)}`;
    return { object, row, box, overlap, words, why: this.fateOfFinder(picture, found, row, box, settings) };
  }

  fateOfFinder(picture, found, row, box, settings) {
    if (row === null) return `no box of its class has IoU ${settings.matchIou}`;
    if (box === null) return "its score is not above conf";
    if (found.fate[box] === KEPT) return "kept, and taken for another object";
    return fateWords(found.fate[box], settings);
  }

  showMissed(picture, found, { object, row, box, overlap, why }, objects, pinned) {
    const { names, labels } = picture.truth;
    const name = element("p", "line");
    name.append(element("span", "fate", "missed"), element("b", "", names[labels[object]]));
    const corners = objects.subarray(8 * object, 8 * object + 8);
    const facts = [name, fact("where", ...whereWords(corners, picture.rotated))];
    const { scores, rows } = picture;
    if (box !== null) facts.push(this.line(picture, found, box, "best box", true));
    else if (row !== null) facts.push(fact("best box", `score ${short(scores[row])}`, `row ${rows[row]}`));
    facts.push(fact(row === null ? "best IoU" : "its IoU", overlap.toFixed(3)), fact("why", why));
    const owner = box !== null && found.fate[box] === REMOVED ? found.owner[box] : null;
    if (owner !== null) facts.push(this.line(picture, found, owner, "removed it", true));
    this.place.classList.remove("none");
    this.place.replaceChildren(element("h2", "", pinned ? "Chosen object" : "Object"), ...facts);
  }

  line(picture, found, box, words, button = false) {
    const line = element("p", "line");
    const name = button ? this.button(picture, found, box, "") : this.name(picture, found, box);
    line.append(element("span", "fate", words), name);
    return line;
  }

  button(picture, found, box, more) {
    const button = element("button", "link");
    button.type = "button";
    button.append(this.name(picture, found, box), element("span", "more", more));
    button.addEventListener("click", () => this.go(box));
    return button;
  }

  name(picture, found, box) {
    const row = found.candidates[box];
    const name = element("span", "box");
    const place = found.keep.indexOf(box);
    const left = place >= 0 ? found.scores[place] : picture.scores[row];
    const lowered = left !== picture.scores[row] ? ` → ${short(left)}` : "";
    name.append(
      element("b", "", className(picture, row) || "box"),
      element("span", "score", `${short(picture.scores[row])}${lowered}`),
      element("span", "number", `row ${picture.rows[row]}`),
    );
    return name;
  }
}

// A name and what it is, in parts that are not broken.
function fact(name, ...parts) {
  const line = element("p", "line");
  const said = element("span", "fact");
  parts.forEach((part) => said.append(element("span", "", part), " "));
  line.append(element("span", "fate", name), said);
  return line;
}

// In pixels of the picture, where its size is known: from corner to corner, or the centre; and the size.
function whereWords(corners, rotated) {
  const [left, top, right, high, far, low] = corners;
  const size = [Math.hypot(right - left, high - top), Math.hypot(far - right, low - high)].map(pixels).join(" × ");
  if (!rotated) return [`${pixels(left)}, ${pixels(top)}`, `– ${pixels(right)}, ${pixels(low)}`, `(${size})`];
  const turn = (Math.atan2(high - top, right - left) * 180) / Math.PI;
  return [`around ${pixels((left + far) / 2)}, ${pixels((top + low) / 2)}`, `(${size}, ${turn.toFixed(1)}°)`];
}

function pixels(value) {
  return Math.abs(value) < 10 ? Number(value.toPrecision(3)).toString() : value.toFixed(Math.abs(value) < 1000 ? 1 : 0);
}

function fateWords(fate, settings) {
  if (fate === KEPT) return "kept";
  if (fate === REMOVED) return "removed";
  if (fate === CUT) return `beyond the ${settings.maxDet} best`;
  return "lowered too far";
}

function told({ metric, value }) {
  return value === null ? `${metric} is no number` : `${metric} ${value.toFixed(4)}`;
}

function score(picture, found, box) {
  return picture.scores[found.candidates[box]];
}

function short(value) {
  return value.toPrecision(4);
}
