// What of a picture is shown: all, or one class; and the menu of its classes, with how many boxes each has.

import { element } from "./list.js";

const REST = 120;  // milliseconds after the last change, before the menu says the new numbers

// only: the name of a class, "": all. rows: of the candidates that are shown; owns: which candidates they are, null:
// all; places: of the kept; missed: objects.
export function seenOf(picture, { candidates, keep, compared }, only) {
  const missed = compared === null ? [] : compared.missed;
  if (picture.labels === null || only === "") return { rows: candidates, owns: null, places: [...keep.keys()], missed };
  const wanted = picture.classes.map((name) => name === only);
  const isOf = (row) => wanted[picture.labels[row]];
  const owns = [...candidates.keys()].filter((own) => isOf(candidates[own]));
  const places = [...keep.keys()].filter((place) => isOf(candidates[keep[place]]));
  const label = missed.length ? labelOf(picture, isOf, only) : null;
  const rows = Int32Array.from(owns, (own) => candidates[own]);
  return { rows, owns, places, missed: missed.filter((object) => picture.truth.labels[object] === label) };
}

// Of a class in the truth, which may have another name for it. undefined: no object is of it.
function labelOf({ labels, truth }, isOf, only) {
  const row = labels.findIndex((_, each) => isOf(each) && truth.ofCandidates[each] >= 0);
  return row < 0 ? truth.labels.find((label) => truth.names[label] === only) : truth.ofCandidates[row];
}

export class ClassMenu {
  // changed(only): told of the class that was chosen, "": all.
  constructor(changed) {
    this.menu = document.getElementById("only");
    this.menu.addEventListener("change", () => changed(this.names[this.menu.selectedIndex]));
    this.names = [""];
  }

  // Once the sliders rest.
  show(picture, found, only) {
    document.getElementById("of-class").hidden = picture.labels === null;
    clearTimeout(this.waiting);
    const fill = () => this.fill(picture, found, only);
    if (this.picture === picture && this.only === only) this.waiting = setTimeout(fill, REST);
    else fill();
  }

  fill(picture, { candidates, keep }, only) {
    [this.picture, this.only] = [picture, only];
    if (picture.labels === null) return;
    const before = new Int32Array(picture.classes.length);
    const after = new Int32Array(picture.classes.length);
    for (const row of candidates) before[picture.labels[row]] += 1;
    for (const own of keep) after[picture.labels[candidates[own]]] += 1;
    const order = [...before.keys()].sort((a, b) => before[b] - before[a] || a - b);
    const lines = [["", "all classes", candidates.length, keep.length]];
    for (const label of order) {
      const name = picture.classes[label];
      lines.push([name, name, before[label], after[label]]);
    }
    if (only !== "" && !picture.classes.includes(only)) lines.push([only, only, 0, 0]);
    this.names = lines.map(([name]) => name);
    const options = lines.map(([, name, more, less]) => element("option", "", `${name} · ${more} → ${less}`));
    this.menu.replaceChildren(...options);
    this.menu.selectedIndex = this.names.indexOf(only);
  }

  // The class so many places further down; "": all.
  step(count) {
    return this.names.at((this.names.indexOf(this.only) + count) % this.names.length);
  }
}
