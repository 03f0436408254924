// What can be chosen, and how it stands in the address: an address that is passed on shows the same.

import { METHODS, METRICS } from "./kernels.js";

const number = (low, high) => (text) => {
  const value = Number(text);
  return text.trim() !== "" && value >= low && value <= high ? value : undefined;
};
const oneOf = (names) => (text) => (names.includes(text) ? text : undefined);
const orNone = (read) => (text) => (text === "none" ? null : read(text));
const whole = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

// By name: how its text is read; undefined: it is none.
const SETTINGS = {
  method: oneOf(Object.keys(METHODS)),
  metric: orNone(oneOf(METRICS)),
  iou: number(-1, 1),
  conf: number(-Infinity, Infinity),
  sigma: orNone(number(1e-9, 1e9)),
  minScore: orNone(number(-Infinity, Infinity)),
  maxDet: orNone(whole),
  agnostic: (text) => text === "true",
  matchIou: number(0, 1),
};
const PLACES = {
  picture: whole,
  view: oneOf(["wipe", "side"]),
  split: number(0, 1),
  box: orNone(whole),
  theme: orNone(oneOf(["dark", "light"])),
};
const READERS = { ...SETTINGS, ...PLACES };

export function initialState(settings) {
  const view = window.innerWidth < 900 ? "wipe" : "side";
  return { matchIou: 0.5, ...settings, picture: 0, view, split: 0.5, box: null, theme: null };
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
  return state;
}

export function asAddress(state, initial) {
  const changed = Object.keys(READERS).filter((name) => state[name] !== initial[name]);
  return `#${new URLSearchParams(changed.map((name) => [name, state[name] ?? "none"]))}`;
}
