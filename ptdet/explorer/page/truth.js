// Which kept box finds which object: COCO's matching (csrc/math/evaluation.h, csrc/cpu/evaluation_match.cpp) at one IoU.

// What a kept box is.
export const FALSE = 0;
export const TRUE = 1;
export const IGNORED = 2;  // on a crowd, or on what is neither found nor missed
export const LEFT_OUT = 3;  // of a class that the truth lacks, or beyond the best MOST of its class
const MOST = 100;
const LARGEST = 1e10;  // square pixels: a larger box that finds nothing is ignored

// null: there is no truth. outcome and taken (the object, -1: none): of each kept box. missed: objects.
export function compare(picture, found, iou) {
  const { truth } = picture;
  if (truth === null) return null;
  const { keep, candidates, scores } = found;
  const boxes = inPicture(found.boxes, truth.way);
  const outcome = new Uint8Array(keep.length).fill(LEFT_OUT);
  const taken = new Int32Array(keep.length).fill(-1);
  const free = new Uint8Array(truth.count).fill(1);
  const least = Math.min(iou, 1 - 1e-10);
  const order = [...keep.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const seen = new Map();
  for (const place of order) {
    const label = truth.ofCandidates[candidates[keep[place]]];
    const box = sized(boxes, 4 * place);
    if (label < 0 || box === null) continue;
    const rank = seen.get(label) ?? 0;
    seen.set(label, rank + 1);
    if (rank >= MOST) continue;
    const best = take(truth, box, label, least, free);
    taken[place] = best;
    if (best < 0) outcome[place] = box.area > LARGEST ? IGNORED : FALSE;
    else outcome[place] = truth.skipped[best] ? IGNORED : TRUE;
    if (best >= 0) free[best] = 0;
  }
  const missed = [...free.keys()].filter((object) => free[object] && !truth.skipped[object]);
  return { outcome, taken, missed, objects: truth.skipped.filter((skipped) => !skipped).length };
}

// The best free object, of equal overlaps the last; one that counts goes before one that does not. -1: none.
function take(truth, box, label, least, free) {
  truth.objects ??= Array.from(truth.labels, (_, g) => boxOf(...truth.boxes.subarray(4 * g, 4 * g + 4)));
  for (const skips of [false, true]) {
    let [best, most] = [-1, least];
    for (let g = 0; g < truth.count; ++g) {
      const crowd = truth.skipped[g] === 2;
      if (truth.labels[g] !== label || (truth.skipped[g] > 0) !== skips || !(free[g] || crowd)) continue;
      const shared = overlap(box, truth.objects[g], crowd);
      if (shared < most) continue;  // false for NaN, as in pycocotools
      [best, most] = [g, shared];
    }
    if (best >= 0) return best;
  }
  return -1;
}

function overlap(box, object, crowd) {
  const wide = Math.min(box.right, object.right) - Math.max(box.x, object.x);
  if (wide <= 0) return 0;
  const high = Math.min(box.bottom, object.bottom) - Math.max(box.y, object.y);
  if (high <= 0) return 0;
  const shared = wide * high;
  return shared / (crowd ? box.area : box.area + object.area - shared);
}

function boxOf(x, y, wide, high) {
  return { x, y, right: wide + x, bottom: high + y, area: wide * high };
}

// null: not finite, or a side is below 0.
function sized(boxes, at) {
  const [left, top, right, bottom] = boxes.subarray(at, at + 4);
  if (![left, top, right, bottom].every(Number.isFinite) || right < left || bottom < top) return null;
  return boxOf(left, top, right - left, bottom - top);
}

// Space.to_picture of ptdet.io, in the type of the boxes: the same numbers to the last bit.
export function inPicture(boxes, { times, minus, over }) {
  const typed = boxes instanceof Float32Array ? Math.fround : (value) => value;
  const [by, less, parts] = [times, minus, over].map((pair) => pair.map(typed));
  return boxes.map((value, at) => typed(typed(typed(value * by[at % 2]) - less[at % 2]) / parts[at % 2]));
}
