// Thresholds of single classes: those of the picture, and those that have any.

import { element } from "./list.js";
import { settingsOf } from "./pipeline.js";

export class ClassTable {
  // changed(classes): told of all, by name.
  constructor(changed) {
    this.changed = changed;
    this.whole = document.getElementById("classes");
    this.table = document.getElementById("class-rows");
    this.key = "";
  }

  show(state, picture) {
    this.state = state;
    // they are found by name
    this.whole.hidden = state.agnostic || !picture?.named;
    if (this.whole.hidden) return;
    const own = Object.keys(state.classes).filter((name) => Object.keys(state.classes[name]).length > 0);
    const names = [...new Set([...picture.classes, ...own])];
    const columns = settingsOf(state.method, state.kind).iou ? ["conf", "iou"] : ["conf"];
    const key = JSON.stringify([names, columns]);
    if (key !== this.key) this.build(names, columns);  // else it stays, and the focus with it
    this.key = key;
    for (const { input, name, column } of this.fields) {
      const value = Object.hasOwn(state.classes, name) ? state.classes[name][column] : undefined;
      input.placeholder = String(state[column]);
      if (document.activeElement !== input) input.value = value === undefined ? "" : String(value);
    }
  }

  build(names, columns) {
    this.fields = [];
    const head = element("tr");
    head.append(...["class", ...columns].map((name) => element("th", "", name)));
    const rows = names.map((name) => {
      const row = element("tr");
      const title = element("th", "", name);
      title.scope = "row";
      row.append(title, ...columns.map((column) => this.field(name, column)));
      return row;
    });
    this.table.replaceChildren(head, ...rows);
  }

  field(name, column) {
    const input = element("input");
    Object.assign(input, { type: "number", min: column === "iou" ? -1 : this.state.lowest, max: 1, step: "any" });
    input.setAttribute("aria-label", `${column} of ${name}`);
    input.addEventListener("change", () => {
      if (input.validity.valid) this.set(name, column, input.value);
      else input.value = "";
    });
    this.fields.push({ input, name, column });
    const cell = element("td");
    cell.append(input);
    return cell;
  }

  // An empty text takes the threshold of all.
  set(name, column, text) {
    const { classes } = this.state;
    const { [column]: _, ...rest } = Object.hasOwn(classes, name) ? classes[name] : {};
    const own = text === "" ? rest : { ...rest, [column]: Number(text) };
    const others = Object.entries(classes).filter(([other]) => other !== name);
    this.changed(Object.fromEntries(Object.keys(own).length ? [...others, [name, own]] : others));
  }
}
