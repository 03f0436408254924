// Which kept box finds which object: COCO's matching by the kernel of ptdet.evaluation, at one IoU; and why one finds
// none.

import { overlapBetween } from "./pipeline.js";

// What a kept box is, as the kernel has it.
export const FALSE = 0;
export const TRUE = 1;
export const IGNORED = 2;  // on a crowd, or on what is neither found nor missed
export const LEFT_OUT = 3;  // of a class that the truth lacks, or beyond the best MOST of its class
const MOST = 100;
const LARGEST = 1e10;  // square pixels: a larger box that finds nothing is ignored
const CLOSELY = 1e-5;  // of an overlap that is told with three digits

// null: there is no truth. outcome and taken (the object, -1: none): of each kept box. missed: objects.
export function compare(kernels, picture, found, iou) {
  const { truth, numbers } = picture;
  if (truth === null) return null;
  const { keep, candidates, scores } = found;
  const outcome = new Uint8Array(keep.length).fill(LEFT_OUT);
  const taken = new Int32Array(keep.length).fill(-1);
  const boxes = inTruth(picture, found.boxes);
  const places = [];  // of those that count
  for (let place = 0; place < keep.length; ++place) {
    const hasClass = truth.ofCandidates[candidates[keep[place]]] >= 0;
    if (hasClass && isSized(boxes, numbers * place, numbers)) places.push(place);
  }
  const given = {
    boxes: new Float64Array(numbers * places.length),
    labels: Int32Array.from(places, (place) => truth.ofCandidates[candidates[keep[place]]]),
    scores: Float64Array.from(places, (place) => scores[place]),
  };
  places.forEach((place, at) => {
    for (let k = 0; k < numbers; ++k) given.boxes[numbers * at + k] = boxes[numbers * place + k];
  });
  truth.classes ??= 1 + [...truth.labels, ...truth.ofCandidates].reduce((most, label) => Math.max(most, label), 0);
  const matched = kernels.match(numbers, truth.classes, given, truth, { iou, most: MOST, largest: LARGEST });
  const free = new Uint8Array(truth.count).fill(1);
  places.forEach((place, at) => {
    outcome[place] = matched.outcome[at];
    taken[place] = matched.taken[at];
    if (taken[place] >= 0) free[taken[place]] = 0;
  });
  const missed = [];
  let objects = 0;
  for (let object = 0; object < truth.count; ++object) {
    if (truth.skipped[object]) continue;
    objects += 1;
    if (free[object]) missed.push(object);
  }
  return { outcome, taken, missed, objects };
}

// Of a kept box, in words: what it finds, or why it finds nothing, and the object that lies nearest.
export function reasonOf(kernels, picture, found, place, { matchIou }) {
  const { truth, numbers, rotated } = picture;
  const { outcome: { [place]: outcome }, taken: { [place]: taken } } = found.compared;
  const label = truth.ofCandidates[found.candidates[found.keep[place]]];
  if (label < 0) return ["the truth has no such class"];
  if (outcome === LEFT_OUT) return [`not among the best ${MOST} of its class`];
  const own = inTruth(picture, found.boxes.subarray(numbers * place, numbers * (place + 1)));
  const there = frameOf(own, numbers);
  const objects = [];
  for (let object = 0; object < truth.count; ++object) {
    const box = truth.boxes.subarray(numbers * object, numbers * (object + 1));
    if (object !== taken && !meet(there, frameOf(box, numbers))) continue;
    const pair = Float64Array.of(...asKernels(own), ...asKernels(box));
    const overlap = overlapBetween(kernels, pair, rotated, "iou", CLOSELY) ?? 0;
    const words = `${truth.names[truth.labels[object]]}, IoU ${overlap.toFixed(3)}`;
    objects.push({ object, overlap, words, same: truth.labels[object] === label });
  }
  const takes = objects.find(({ object }) => object === taken);
  if (outcome === TRUE) return ["found", takes.words];
  if (outcome === IGNORED) return takes ? ["lies on what does not count", takes.words] : ["too large to count"];
  objects.sort((a, b) => b.overlap - a.overlap);
  const same = objects.find((each) => each.same && each.overlap > 0);
  const other = objects.find((each) => !each.same && each.overlap > 0);
  if (same?.overlap >= matchIou) return ["a better box has it", same.words];
  if (other?.overlap >= matchIou) return ["of another class", other.words];
  if (same) return ["placed badly", same.words];
  return other ? ["nothing there", other.words] : ["nothing there"];
}

// Of the boxes of the picture, at whatever score, the best one that could find this object: its row and their overlap.
// row null: none could, and the overlap is the largest that there is.
export function finderOf(kernels, picture, object, iou) {
  const { truth, numbers } = picture;
  const boxes = inTruth(picture, picture.boxes);
  const label = truth.labels[object];
  const same = [];
  for (let row = 0; row < picture.count; ++row) {
    if (truth.ofCandidates[row] === label && isSized(boxes, numbers * row, numbers)) same.push(row);
  }
  const alone = {
    boxes: truth.boxes.slice(numbers * object, numbers * (object + 1)),
    labels: Int32Array.of(0),
    skipped: Int32Array.of(0),
  };
  const finder = (rows, least) => {
    const given = {
      boxes: Float64Array.from(rows.flatMap((row) => [...boxes.subarray(numbers * row, numbers * (row + 1))])),
      labels: new Int32Array(rows.length),
      scores: Float64Array.from(rows, (row) => picture.scores[row]),
    };
    const { taken } = kernels.match(numbers, 1, given, alone, { iou: least, most: rows.length, largest: LARGEST });
    return rows[taken.indexOf(0)] ?? null;
  };
  const row = finder(same, iou);
  const rows = row === null ? same : [row];
  let [low, high] = [0, 1];
  while (high - low > CLOSELY) {
    const middle = (low + high) / 2;
    if (finder(rows, middle) === null) high = middle;
    else low = middle;
  }
  return { row, overlap: low };
}

// left, top, right, bottom of what may overlap with a box of the truth's form.
function frameOf([x, y, wide, high], numbers) {
  if (numbers === 4) return [x, y, x + wide, y + high];
  const reach = Math.hypot(wide, high) / 2;
  return [x - reach, y - reach, x + reach, y + reach];
}

function meet([left, top, right, bottom], other) {
  return left <= other[2] && other[0] <= right && top <= other[3] && other[1] <= bottom;
}

// x, y, width, height as corners; rotated boxes stay.
function asKernels([x, y, wide, high, ...turn]) {
  return turn.length ? [x, y, wide, high, ...turn] : [x, y, x + wide, y + high];
}

// Kept boxes as the truth has its own: in pixels, upright ones as x, y, width, height.
function inTruth({ truth, numbers }, boxes) {
  const placed = new Float64Array(inPicture(boxes, truth.way));
  if (numbers === 4) {
    for (let at = 0; at < placed.length; at += 4) {
      placed[at + 2] -= placed[at];
      placed[at + 3] -= placed[at + 1];
    }
  }
  return placed;
}

// Not so: a number is not finite, or a side is below 0.
function isSized(boxes, at, numbers) {
  let sum = boxes[at + 2] >= 0 && boxes[at + 3] >= 0 ? 0 : NaN;
  for (let k = 0; k < numbers; ++k) sum += 0 * boxes[at + k];
  return sum === 0;
}

// Space.to_picture of ptdet.io, in the type of the boxes: the same numbers to the last bit.
export function inPicture(boxes, { times, minus, over }) {
  if ([...times, ...over].every((each) => each === 1) && minus.every((each) => each === 0)) return boxes;
  const typed = boxes instanceof Float32Array ? Math.fround : (value) => value;
  const [by, less, parts] = [times, minus, over].map((each) => each.map(typed));
  const placed = new boxes.constructor(boxes.length);
  for (let at = 0, k = 0; at < boxes.length; ++at, k = (k + 1) % times.length) {
    placed[at] = typed(typed(boxes[at] * by[k]) - less[k]) / parts[k];
  }
  return placed;
}
