// The controls of the suppression.

import { MEMBERS, METHODS, metricsFor } from "./kernels.js";
import { element } from "./list.js";
import { leastIou, OF_METHOD, settingsOf, sigmaOf } from "./pipeline.js";

const UNLIMITED = 501;  // where the slider of max-det ends

// What the menu of variants offers, the usual one first; those of a method are of one option. Matrix has no hard kind.
const VARIANTS = {
  kind: [["gaussian", null], ["linear", "linear"], ["hard", "hard"]],
  members: MEMBERS.map((name, place) => [name, place ? name : null]),
  weighted: [["plain", null], ["weighted", true]],
};

export class Settings {
  // changed(settings): told of those that were changed.
  constructor(changed, hasTruth) {
    this.hasTruth = hasTruth;
    this.changed = changed;
    this.method = document.getElementById("method");
    this.metric = document.getElementById("metric");
    this.variant = document.getElementById("variant");
    this.agnostic = document.getElementById("agnostic");
    this.method.append(...Object.keys(METHODS).map((name) => new Option(name, name)));
    this.method.addEventListener("change", () => changed({ method: this.method.value, ...OF_METHOD }));
    this.metric.addEventListener("change", () => changed({ metric: this.metric.value || null }));
    this.variant.addEventListener("change", () => {
      changed({ [this.option]: VARIANTS[this.option][this.variant.selectedIndex][1] });
    });
    this.agnostic.addEventListener("change", () => changed({ agnostic: this.agnostic.checked }));
    document.getElementById("settings").addEventListener("submit", (event) => event.preventDefault());
    this.sliders = {
      conf: new Slider("conf", "boxes with a score above it take part"),
      iou: new Slider("iou", "a box is removed above this overlap"),
      sigma: new Slider("sigma", "how fast scores fall"),
      minScore: new Slider("min score", "what the method leaves must be above it"),
      maxDet: new Slider("max det", "only the best so many are kept"),
      matchIou: new Slider("match iou", "a kept box finds an object of its class at this overlap"),
    };
    const { conf, iou, sigma, minScore, maxDet, matchIou } = this.sliders;
    matchIou.tell = (value) => changed({ matchIou: value });
    conf.tell = (value) => changed({ conf: value });
    iou.tell = (value) => changed({ iou: value });
    sigma.tell = (value) => changed({ sigma: value });
    minScore.tell = (value) => changed({ minScore: value });
    maxDet.tell = (value) => changed({ maxDet: value === Infinity ? null : Math.round(value) });
    document.getElementById("sliders").append(...Object.values(this.sliders).map((slider) => slider.whole));
  }

  show(state, picture) {
    const has = settingsOf(state.method, state.kind);
    this.method.value = state.method;
    const own = METHODS[state.method].metric ?? "iou";
    const names = metricsFor(Boolean(picture?.rotated)).filter((name) => name !== own);
    if (state.metric && !names.includes(state.metric)) names.push(state.metric);
    if (this.names !== `${own} ${names}`) {
      this.names = `${own} ${names}`;
      this.metric.replaceChildren(new Option(own, ""), ...names.map((name) => new Option(name, name)));
    }
    this.metric.value = state.metric ?? "";
    document.getElementById("of-metric").hidden = !has.metric;
    this.showVariants(has, state);
    this.agnostic.checked = state.agnostic;
    document.getElementById("agnostic").disabled = picture?.labels === null;
    const { conf, iou, sigma, minScore, maxDet, matchIou } = this.sliders;
    matchIou.show(this.hasTruth, state.matchIou, 0, 1, 0.05);
    conf.show(true, state.conf, state.lowest, Math.max(1, state.conf), 0.01);
    iou.show(has.iou, state.iou, leastIou(state), 1, 0.01);
    sigma.show(has.sigma, sigmaOf(state.method, state.sigma), 0.05, 4, 0.05);
    minScore.show(has.minScore || state.minScore !== null, state.minScore ?? state.conf, 0, 1, 0.01);
    maxDet.show(true, state.maxDet ?? Infinity, 1, UNLIMITED, 1, true);
  }

  showVariants(has, state) {
    const option = Object.keys(VARIANTS).find((name) => has[name]);
    document.getElementById("of-variant").hidden = option === undefined;
    if (option === undefined) return;
    const offered = VARIANTS[option].filter(([name]) => state.method !== "matrix" || name !== "hard");
    if (option !== this.option || offered.length !== this.variant.length) {
      this.variant.replaceChildren(...offered.map(([name]) => new Option(name)));
    }
    this.option = option;
    this.variant.selectedIndex = Math.max(0, VARIANTS[option].findIndex(([, value]) => value === state[option]));
  }

  // The slider of this name, some steps further.
  step(name, count) {
    const { range } = this.sliders[name];
    if (this.sliders[name].whole.hidden) return;
    range.value = Number(range.value) + count * Number(range.step);
    this.sliders[name].moved();
  }
}

class Slider {
  constructor(name, says) {
    this.whole = element("div", "slider");
    this.whole.title = says;
    this.range = element("input");
    this.range.type = "range";
    this.range.setAttribute("aria-label", name);
    this.number = element("input");
    this.number.type = "number";
    this.number.setAttribute("aria-label", `${name}, as a number`);
    this.whole.append(element("span", "", name), this.range, this.number);
    this.range.addEventListener("input", () => this.moved());
    this.number.addEventListener("change", () => {
      const { value, min, max } = this.number;
      if (value !== "" || this.number.placeholder) {
        this.tell(value === "" ? Infinity : Math.min(Math.max(Number(value), Number(min)), Number(max)));
      }
    });
  }

  moved() {
    const { value, max } = this.range;
    // the slider begins at a round number, which may be below the lowest
    this.tell(this.number.placeholder && value === max ? Infinity : Math.max(Number(value), Number(this.number.min)));
  }

  // all: the slider's end stands for no limit, and the number for it is none.
  show(there, value, low, high, step, all = false) {
    this.whole.hidden = !there;
    // from the lowest the steps would be odd numbers
    const begin = Math.floor(low / step + 1e-9) * step;
    Object.assign(this.range, { min: begin, max: high, step });
    Object.assign(this.number, { min: low, max: all ? 1e9 : high, step: "any", placeholder: all ? "all" : "" });
    this.range.value = Math.min(value, high);
    const text = all && value === Infinity ? "" : String(value);
    if (document.activeElement !== this.number || this.number.value === "" || Number(this.number.value) !== value) {
      this.number.value = text;
    }
  }
}
