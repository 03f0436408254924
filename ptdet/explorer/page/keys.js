// What the keys do, and the list of them that ? shows.

import { element } from "./list.js";

const NAMES = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };
export const KEYS = [
  [["j", "ArrowDown"], "next picture", (page) => page.list.step(1)],
  [["k", "ArrowUp"], "picture before", (page) => page.list.step(-1)],
  [["n"], "next box", (page) => page.stepBox(1)],
  [["p"], "box before", (page) => page.stepBox(-1)],
  [["o"], "to the box that removed it, or could find it", (page) => page.toOwner()],
  [["Escape"], "no box", (page) => page.pin(null)],
  [["x"], "next missed object", (page) => page.stepMissed(1)],
  [["X"], "missed object before", (page) => page.stepMissed(-1)],
  [["]"], "iou up", (page) => page.settings.step("iou", 1)],
  [["["], "iou down", (page) => page.settings.step("iou", -1)],
  [["'"], "conf up", (page) => page.settings.step("conf", 1)],
  [[";"], "conf down", (page) => page.settings.step("conf", -1)],
  [["m"], "next method", (page) => page.stepMethod(1)],
  [["M"], "method before", (page) => page.stepMethod(-1)],
  [["a"], "classes meet, or not", (page) => page.change({ agnostic: !page.state.agnostic })],
  [["r"], "settings as they began", (page) => page.reset()],
  [["v"], "wiper, or side by side", (page) => page.toggleView()],
  [["b"], "names and scores, or none", (page) => page.change({ labels: !page.state.labels })],
  [["f"], "next class alone", (page) => page.stepClass(1)],
  [["F"], "class before alone", (page) => page.stepClass(-1)],
  [[","], "wiper to the left", (page) => page.moveSplit(-0.05)],
  [["."], "wiper to the right", (page) => page.moveSplit(0.05)],
  [["+", "="], "nearer", (page) => page.stage.zoom(1.25)],
  [["-"], "further", (page) => page.stage.zoom(0.8)],
  [["h"], "move to the left", (page) => page.stage.pan(40, 0)],
  [["l"], "move to the right", (page) => page.stage.pan(-40, 0)],
  [["u"], "move up", (page) => page.stage.pan(0, 40)],
  [["d"], "move down", (page) => page.stage.pan(0, -40)],
  [["0"], "the whole picture", (page) => page.stage.fit()],
  [["t"], "dark or light", (page) => page.toggleTheme()],
  [["c"], "copy as command", (page) => page.copy()],
  [["s"], "save as a file of settings", (page) => page.save()],
  [["/"], "find a picture", () => document.getElementById("search").focus()],
  [["?"], "this list", () => document.getElementById("keys").showModal()],
];

export function listenToKeys(page) {
  const list = document.getElementById("key-list");
  for (const [keys, says] of KEYS) {
    const term = element("dt");
    term.append(...keys.map((key) => element("kbd", "", NAMES[key] ?? key)));
    list.append(term, element("dd", "", says));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
    const { tagName, type } = event.target;
    const writes = tagName === "INPUT" && ["search", "number"].includes(type);
    if (writes && event.key === "Escape") event.target.blur();
    const own = tagName === "SELECT" || (tagName === "INPUT" && type !== "checkbox");
    if (writes || (own && /^(Arrow|.$)/.test(event.key) && !/^[?/\[\];']$/.test(event.key))) return;
    const found = KEYS.find(([keys]) => keys.includes(event.key));
    if (!found) return;
    event.preventDefault();
    found[2](page);
  });
}
