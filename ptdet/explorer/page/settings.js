// The controls of the suppression.

import { METHODS } from "./kernels.js";
import { element } from "./list.js";
import { metricsFor, settingsOf, sigmaOf } from "./pipeline.js";

const UNLIMITED = 501;  // where the slider of max-det ends

export class Settings {
  // changed(settings): told of those that were changed.
  constructor(changed) {
    this.changed = changed;
    this.method = document.getElementById("method");
    this.metric = document.getElementById("metric");
    this.agnostic = document.getElementById("agnostic");
    this.method.append(...Object.keys(METHODS).map((name) => new Option(name, name)));
    this.method.addEventListener("change", () => changed({ method: this.method.value, metric: null, sigma: null }));
    this.metric.addEventListener("change", () => changed({ metric: this.metric.value || null }));
    this.agnostic.addEventListener("change", () => changed({ agnostic: this.agnostic.checked }));
    document.getElementById("settings").addEventListener("submit", (event) => event.preventDefault());
    this.sliders = {
      conf: new Slider("conf", "boxes with a score above it take part"),
      iou: new Slider("iou", "a box is removed above this overlap"),
      sigma: new Slider("sigma", "how fast scores fall"),
      minScore: new Slider("min score", "what the method leaves must be above it"),
      maxDet: new Slider("max det", "only the best so many are kept"),
    };
    const { conf, iou, sigma, minScore, maxDet } = this.sliders;
    conf.tell = (value) => changed({ conf: value });
    iou.tell = (value) => changed({ iou: value });
    sigma.tell = (value) => changed({ sigma: value });
    minScore.tell = (value) => changed({ minScore: value });
    maxDet.tell = (value) => changed({ maxDet: value >= UNLIMITED ? null : Math.round(value) });
    document.getElementById("sliders").append(...Object.values(this.sliders).map((slider) => slider.whole));
  }

  show(state, picture) {
    const has = settingsOf(state.method);
    const lowest = picture?.lowest ?? 0;
    this.method.value = state.method;
    for (const option of this.method.options) option.disabled = Boolean(picture?.rotated) && option.value === "diou";
    const own = METHODS[state.method].metric ?? "iou";
    const names = metricsFor(Boolean(picture?.rotated)).filter((name) => name !== own);
    if (state.metric && !names.includes(state.metric)) names.push(state.metric);
    this.metric.replaceChildren(new Option(own, ""), ...names.map((name) => new Option(name, name)));
    this.metric.value = state.metric ?? "";
    document.getElementById("of-metric").hidden = !has.metric;
    this.agnostic.checked = state.agnostic;
    document.getElementById("agnostic").disabled = picture?.labels === null;
    const { conf, iou, sigma, minScore, maxDet } = this.sliders;
    conf.show(true, state.conf, lowest, Math.max(1, state.conf), 0.01);
    iou.show(has.iou, state.iou, state.method === "diou" ? -1 : 0, 1, 0.01);
    sigma.show(has.sigma, sigmaOf(state.method, state.sigma), 0.05, 4, 0.05);
    minScore.show(has.minScore || state.minScore !== null, state.minScore ?? state.conf, 0, 1, 0.01);
    maxDet.show(true, state.maxDet ?? UNLIMITED, 1, UNLIMITED, 1, state.maxDet === null ? "all" : null);
  }

  // The slider of this name, some steps further.
  step(name, count) {
    const { range } = this.sliders[name];
    if (this.sliders[name].whole.hidden) return;
    const value = Math.min(Math.max(Number(range.value) + count * Number(range.step), range.min), range.max);
    this.sliders[name].tell(Number(value.toFixed(4)));
  }
}

class Slider {
  constructor(name, says) {
    this.whole = element("label", "slider");
    this.whole.title = says;
    this.range = element("input");
    this.range.type = "range";
    this.value = element("output");
    this.whole.append(element("span", "", name), this.range, this.value);
    this.range.addEventListener("input", () => this.tell(Number(this.range.value)));
  }

  show(there, value, low, high, step, words = null) {
    this.whole.hidden = !there;
    // from the lowest the steps would be odd numbers
    const begin = Math.floor(low / step + 1e-9) * step;
    Object.assign(this.range, { min: begin, max: high, step });
    this.range.value = value;
    this.value.textContent = words ?? String(Number(value.toFixed(4)));
  }
}
