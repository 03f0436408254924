// What can be chosen, and how it stands in the address: an address that is passed on shows the same.

import { MEMBERS, METHODS, METRICS } from "./kernels.js";
import { leastIou } from "./pipeline.js";

const number = (low, high) => (text) => {
  const value = Number(text);
  return text.trim() !== "" && value >= low && value <= high ? value : undefined;
};
const oneOf = (names) => (text) => (names.includes(text) ? text : undefined);
const orNone = (read) => (text) => (text === "none" ? null : read(text));
const LIMITS = ["iou", "conf", "min_score"];
const whole = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

// By name: how its text is read; undefined: it is none.
const SETTINGS = {
  method: oneOf(Object.keys(METHODS)),
  metric: orNone(oneOf(METRICS)),
  iou: number(-1, 1),
  conf: number(-1e9, 1e9),
  sigma: orNone(number(1e-9, 1e9)),
  minScore: orNone(number(-1e9, 1e9)),
  maxDet: orNone(whole),
  agnostic: (text) => text === "true",
  matchIou: number(0, 1),
  beta: orNone(number(1e-9, 1e9)),
  kind: orNone(oneOf(["gaussian", "linear", "hard"])),
  members: orNone(oneOf(MEMBERS)),
  weighted: orNone((text) => (text === "true" ? true : undefined)),
  classes: readClasses,
};
const PLACES = {
  picture: whole,
  view: oneOf(["wipe", "side"]),
  split: number(0, 1),
  box: orNone(whole),
  object: orNone(whole),
  theme: orNone(oneOf(["dark", "light"])),
  only: (text) => text,  // "": all classes
  labels: (text) => text === "true",
};
const SEEN = { only: "", labels: true };
const READERS = { ...SETTINGS, ...PLACES };

// { name: { iou, conf, min_score } }, as JSON.
function readClasses(text) {
  try {
    const found = JSON.parse(text);
    const isLimit = ([key, value]) => LIMITS.includes(key) && Number.isFinite(value);
    const fit = Object.values(found).every((own) => Object.entries(own).every(isLimit));
    return fit && !Array.isArray(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

// What a result depends on.
export function settingsIn(state) {
  return Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, state[name]]));
}

// lowest: boxes with a score at or below it are not on the page.
export function initialState(settings, lowest) {
  const view = window.innerWidth < 900 ? "wipe" : "side";
  const places = { picture: 0, view, split: 0.5, box: null, object: null, theme: null };
  return { matchIou: 0.5, lowest, ...settings, ...places, ...SEEN };
}

export function resetSettings(state, initial) {
  for (const name of Object.keys(SETTINGS)) state[name] = initial[name];
}

export function readAddress(hash, initial) {
  const state = { ...initial };
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    const value = Object.hasOwn(READERS, name) ? READERS[name](text) : undefined;
    if (value !== undefined) state[name] = value;
  }
  settle(state);
  return state;
}

// No threshold is where `ptdet run` has none, or where the page has no boxes; and matrix has no hard kind.
export function settle(state) {
  if (state.method === "matrix" && state.kind === "hard") state.kind = null;
  const over = (own) => (own.conf < state.lowest ? { ...own, conf: state.lowest } : own);
  state.iou = Math.max(state.iou, leastIou(state));
  state.conf = Math.max(state.conf, state.lowest);
  state.classes = Object.fromEntries(Object.entries(state.classes).map(([name, own]) => [name, over(own)]));
}

export function asAddress(state, initial) {
  const text = (value) => (value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "none"));
  const changed = Object.keys(READERS).filter((name) => text(state[name]) !== text(initial[name]));
  return `#${new URLSearchParams(changed.map((name) => [name, text(state[name])]))}`;
}
