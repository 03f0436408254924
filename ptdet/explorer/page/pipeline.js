// What `ptdet run` does with one picture (ptdet/cli/run.py), by the same kernels: the same boxes are kept.

import { METHODS, METRICS, ROTATED_ONLY, UPRIGHT_ONLY } from "./kernels.js";

// What became of a candidate.
export const KEPT = 0;
export const REMOVED = 1;  // by its owner
export const TOO_LOW = 2;  // the method lowered its score
export const CUT = 3;  // beyond max-det

// Which settings change anything for a method.
export function settingsOf(method) {
  const { takes, lowers = false } = METHODS[method];
  const lowersSmoothly = takes.includes("sigma");  // by a Gaussian, which asks for no threshold
  return {
    iou: takes.includes("iou") && !lowersSmoothly,
    metric: takes.includes("metric"),
    sigma: lowersSmoothly,
    minScore: lowers,
  };
}

export function sigmaOf(method, sigma) {
  return sigma ?? METHODS[method].sigma ?? 0.5;
}

// Those that a picture has: rotated boxes have others.
export function metricsFor(rotated) {
  const others = rotated ? UPRIGHT_ONLY : ROTATED_ONLY;
  return METRICS.filter((name) => !others.includes(name));
}

// settings: method, metric (null: that of the method), iou, conf, sigma, minScore, maxDet (null: as ptdet run without
// the option) and agnostic.
// candidates: which boxes of the picture take part, in their order; the rest counts in these. fate and owner: of each.
// keep: the kept, best first; boxes and scores: theirs, which a method may have changed.
export function run(kernels, picture, settings) {
  const { method, conf } = settings;
  const { numbers, rotated } = picture;
  const candidates = Int32Array.from(whichAbove(picture.scores, conf));
  const boxes = gather(picture.boxes, candidates, numbers);
  const scores = gather(picture.scores, candidates, 1);
  const groups = settings.agnostic || picture.labels === null ? null : gather(picture.labels, candidates, 1);
  const has = settingsOf(method);
  const options = {
    ...(has.iou && { iou: settings.iou }),
    ...(has.metric && settings.metric !== null && { metric: settings.metric }),
    ...(has.sigma && settings.sigma !== null && { sigma: settings.sigma }),
  };
  const before = performance.now();
  const found = kernels.suppress(method, { boxes, scores, groups, rotated }, options);
  const milliseconds = performance.now() - before;
  const left = found.scores ?? gather(scores, found.keep, 1);
  const enough = whichAbove(left, settings.minScore ?? conf);
  const shown = settings.maxDet === null ? enough : enough.slice(0, settings.maxDet);
  const fate = Uint8Array.from(found.owner, (owner, own) => (owner < 0 || owner === own ? TOO_LOW : REMOVED));
  for (const place of enough) fate[found.keep[place]] = CUT;
  for (const place of shown) fate[found.keep[place]] = KEPT;
  return {
    candidates, fate, owner: found.owner, milliseconds,
    keep: Int32Array.from(shown, (place) => found.keep[place]),
    boxes: gather(found.boxes ?? gather(boxes, found.keep, numbers), shown, numbers),
    scores: gather(left, shown, 1),
  };
}

// The overlap of a box with its owner, found with the kernel's own comparison: the threshold above which it stays;
// null: no number.
export function overlapOf(kernels, picture, box, owner, settings, precision) {
  const { numbers, rotated } = picture;
  const measure = METHODS[settings.method].metric ?? "iou";
  const metric = settingsOf(settings.method).metric ? settings.metric ?? measure : measure;
  const boxes = gather(picture.boxes, [owner, box], numbers);
  const scores = Float32Array.of(1, 0.5);
  const stays = (iou) => kernels.suppress("hard", { boxes, scores, rotated }, { iou, metric }).keep.length === 2;
  let [low, high] = [-1.5, 1.5];
  if (stays(low)) return { metric, value: null };
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (stays(middle)) high = middle;
    else low = middle;
  }
  return { metric, value: Math.abs(high) < precision ? 0 : high };
}

// False for NaN, and an infinite score is none: `above` of ptdet.io.
function whichAbove(scores, threshold) {
  const places = [];
  for (let i = 0; i < scores.length; ++i) if (scores[i] > threshold && Number.isFinite(scores[i])) places.push(i);
  return places;
}

function gather(array, rows, numbers) {
  const found = new array.constructor(rows.length * numbers);
  for (let i = 0; i < rows.length; ++i) {
    for (let k = 0; k < numbers; ++k) found[i * numbers + k] = array[rows[i] * numbers + k];
  }
  return found;
}
