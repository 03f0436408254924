// What `ptdet run` does with one picture (ptdet/cli/run.py), by the same kernels: the same boxes are kept.

import { BELOW_ZERO, METHODS } from "./kernels.js";

// What became of a candidate.
export const KEPT = 0;
export const REMOVED = 1;  // by its owner
export const TOO_LOW = 2;  // the method lowered its score
export const CUT = 3;  // beyond max-det

// What belongs to one method, and is that of its function (null) for another.
export const OF_METHOD = { metric: null, sigma: null, beta: null, kind: null, members: null, weighted: null };

// Which settings change anything for a method; kind: of soft and matrix.
export function settingsOf(method, kind = null) {
  const { takes, lowers = false } = METHODS[method];
  const has = (name) => takes.includes(name);
  const byGaussian = has("sigma") && (kind ?? "gaussian") === "gaussian";  // which asks for no threshold
  return {
    iou: has("iou") && !byGaussian,
    metric: has("metric"),
    sigma: has("sigma"),
    beta: has("beta"),
    kind: has("decay"),
    members: has("members"),
    weighted: has("weighted"),
    minScore: lowers,
  };
}

// Some measures go below 0.
export function leastIou({ method, metric }) {
  const own = METHODS[method].metric;
  const measure = settingsOf(method).metric ? metric ?? own : own;
  return BELOW_ZERO.includes(measure) ? -1 : 0;
}

export function sigmaOf(method, sigma) {
  return sigma ?? METHODS[method].sigma ?? 0.5;
}

// What a class has of its own; where classes meet none has anything.
function ownOf({ classes, agnostic }, name) {
  return !agnostic && Object.hasOwn(classes, name) ? classes[name] : {};
}

export function hasOwn(settings) {
  return !settings.agnostic && Object.values(settings.classes).some((own) => Object.keys(own).length > 0);
}

// iou, conf and cut of each class of the picture (ptdet/_shared/config.py, Config.limits); null: all have the same.
function limitsOf(picture, settings) {
  if (!hasOwn(settings)) return null;
  if (!picture.named) throw new RangeError("no names of classes, which the thresholds of single classes need");
  const { iou, conf, minScore } = settings;
  return picture.classes.map((name) => {
    const own = ownOf(settings, name);
    const cut = own.min_score ?? minScore ?? own.conf ?? conf;
    return { iou: own.iou ?? iou, conf: own.conf ?? conf, cut };
  });
}

// settings: method, metric (null: that of the method), iou, conf, sigma, minScore, maxDet (null: as ptdet run without
// the option), agnostic, classes (by name: iou, conf, min_score of one) and what else OF_METHOD has.
// candidates: which boxes of the picture take part, in their order; the rest counts in these. fate and owner: of each.
// keep: the kept, best first; boxes and scores: theirs, which a method may have changed.
export function run(kernels, picture, settings) {
  const { method, conf } = settings;
  const { numbers, rotated } = picture;
  const limits = limitsOf(picture, settings);
  const of = (row) => limits[picture.labels[row]];
  const candidates = Int32Array.from(whichAbove(picture.scores, limits ? (row) => of(row).conf : () => conf));
  const boxes = gather(picture.boxes, candidates, numbers);
  const scores = gather(picture.scores, candidates, 1);
  const groups = settings.agnostic || picture.labels === null ? null : gather(picture.labels, candidates, 1);
  const has = settingsOf(method, settings.kind);
  const options = {
    ...(has.beta && settings.beta !== null && { beta: settings.beta }),
    ...(has.kind && settings.kind !== null && { decay: settings.kind }),
    ...(has.members && settings.members !== null && { members: settings.members }),
    ...(has.weighted && settings.weighted && { weighted: true }),
    ...(has.iou && { iou: settings.iou }),
    ...(has.metric && settings.metric !== null && { metric: settings.metric }),
    ...(has.sigma && settings.sigma !== null && { sigma: settings.sigma }),
  };
  const before = performance.now();
  const given = { boxes, scores, groups, rotated };
  const found = limits
    ? byThreshold(kernels, method, given, options, Array.from(candidates, (row) => of(row).iou))
    : kernels.suppress(method, given, options);
  const milliseconds = performance.now() - before;
  const left = found.scores ?? gather(scores, found.keep, 1);
  const cut = (place) => (limits ? of(candidates[found.keep[place]]).cut : settings.minScore ?? conf);
  const enough = whichAbove(left, cut);
  const shown = settings.maxDet === null ? enough : enough.slice(0, settings.maxDet);
  const fate = found.owner.map((owner, own) => (owner < 0 || owner === own ? TOO_LOW : REMOVED));
  for (const place of enough) fate[found.keep[place]] = CUT;
  for (const place of shown) fate[found.keep[place]] = KEPT;
  return {
    candidates, fate, owner: found.owner, milliseconds,
    keep: Int32Array.from(shown, (place) => found.keep[place]),
    boxes: gather(found.boxes ?? gather(boxes, found.keep, numbers), shown, numbers),
    scores: gather(left, shown, 1),
  };
}

// Classes with the same threshold at a time; classes do not meet (ptdet/_shared/by_class.py).
function byThreshold(kernels, method, { boxes, scores, groups, rotated }, options, ious) {
  const owner = new Int32Array(scores.length);
  const numbers = rotated ? 5 : 4;
  const parts = [];
  for (const iou of new Set(ious)) {
    const rows = [...ious.keys()].filter((row) => ious[row] === iou);
    const own = { boxes: gather(boxes, rows, numbers), scores: gather(scores, rows, 1), groups: gather(groups, rows, 1) };
    const found = kernels.suppress(method, { ...own, rotated }, "iou" in options ? { ...options, iou } : options);
    found.owner.forEach((by, place) => (owner[rows[place]] = by < 0 ? by : rows[by]));
    const left = found.scores ?? gather(own.scores, found.keep, 1);
    const moved = found.boxes ?? gather(own.boxes, found.keep, numbers);
    found.keep.forEach((by, place) => {
      parts.push({ row: rows[by], score: left[place], box: moved.subarray(place * numbers, (place + 1) * numbers) });
    });
  }
  parts.sort((a, b) => b.score - a.score || a.row - b.row);
  return {
    owner,
    keep: Int32Array.from(parts, ({ row }) => row),
    scores: scores.constructor.from(parts, ({ score }) => score),
    boxes: boxes.constructor.from(parts.flatMap(({ box }) => [...box])),
  };
}

// The overlap of a box with its owner, found with the kernel's own comparison: the threshold above which it stays;
// null: no number.
export function overlapOf(kernels, picture, box, owner, settings, precision) {
  const { numbers, rotated } = picture;
  const measure = METHODS[settings.method].metric ?? "iou";
  const metric = settingsOf(settings.method).metric ? settings.metric ?? measure : measure;
  const boxes = gather(picture.boxes, [owner, box], numbers);
  return { metric, value: overlapBetween(kernels, boxes, rotated, metric, precision) };
}

// Of two boxes, one behind the other in `boxes`; null: no number.
export function overlapBetween(kernels, boxes, rotated, metric, precision) {
  const scores = Float32Array.of(1, 0.5);
  const stays = (iou) => kernels.suppress("hard", { boxes, scores, rotated }, { iou, metric }).keep.length === 2;
  let [low, high] = [-1.5, 1.5];
  if (stays(low)) return null;
  while (high - low > precision) {
    const middle = (low + high) / 2;
    if (stays(middle)) high = middle;
    else low = middle;
  }
  return Math.abs(high) < precision ? 0 : high;
}

// False for NaN, and an infinite score is none: `above` of ptdet.io.
function whichAbove(scores, thresholdOf) {
  const places = [];
  for (let i = 0; i < scores.length; ++i) if (scores[i] > thresholdOf(i) && Number.isFinite(scores[i])) places.push(i);
  return places;
}

// The overlap threshold that a candidate is asked for.
export function thresholdOf(picture, row, settings) {
  return (limitsOf(picture, settings)?.[picture.labels[row]] ?? settings).iou;
}

function gather(array, rows, numbers) {
  const found = new array.constructor(rows.length * numbers);
  for (let i = 0; i < rows.length; ++i) {
    for (let k = 0; k < numbers; ++k) found[i * numbers + k] = array[rows[i] * numbers + k];
  }
  return found;
}
