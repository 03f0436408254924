// One picture as data.py packs it, and where its boxes lie in pixels of the picture.

const TYPES = { float32: Float32Array, float64: Float64Array };

// bytes: an ArrayBuffer. The arrays are views of it: boxes (count * numbers), scores, rows (in the file) and labels,
// the place of the class of each in `classes`; null where the file has no classes.
export function unpack(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  let at = 8 + length;
  const next = (type, count) => {
    at += (8 - (at % 8)) % 8;
    const array = new type(bytes, at, count);
    at += array.byteLength;
    return array;
  };
  const { count, numbers } = header;
  const boxes = next(TYPES[header.boxes], count * numbers);
  const scores = next(TYPES[header.scores], count);
  const rows = next(Int32Array, count);
  const labels = next(Int32Array, count);
  let { truth } = header;
  if (truth !== null) {  // boxes (count * numbers): rotated, or x, y, width, height, in pixels; skipped: 2 is a crowd
    truth = {
      ...truth, boxes: next(Float64Array, numbers * truth.count), labels: next(Int32Array, truth.count),
      skipped: next(Int32Array, truth.count), ofCandidates: next(Int32Array, count),
    };
  }
  const own = header.classes === null ? null : labels;
  return { ...header, boxes, scores, rows, labels: own, rotated: numbers === 5, truth };
}

export function className(picture, index) {
  return picture.labels === null ? "" : picture.classes[picture.labels[index]];
}

// How boxes come to pixels of the picture: x * scale[0] + begin[0], and so for y. ptdet.io's Space, to look at.
function wayToPicture({ kind, size: [wide, high], ratio, center }, size) {
  if (kind === "ratio") return { scale: [1 / ratio, 1 / ratio], begin: [0, 0] };
  if (kind === "picture" || size === null) return { scale: [1, 1], begin: [0, 0] };
  const [width, height] = size;
  if (kind !== "letterbox") return { scale: [width / wide, height / high], begin: [0, 0] };
  const shrunk = Math.min(wide / width, high / height);
  const margin = (side, own) => (center ? Math.floor((side - Math.max(Math.round(own * shrunk), 1)) / 2) : 0);
  return { scale: [1 / shrunk, 1 / shrunk], begin: [-margin(wide, width) / shrunk, -margin(high, height) / shrunk] };
}

// The four corners of each box, x and y in turn: (8 a box).
export function cornersOf({ numbers, space }, boxes, size) {
  const { scale: [sx, sy], begin: [left, top] } = wayToPicture(space, size);
  const count = boxes.length / numbers;
  const corners = new Float64Array(8 * count);
  if (numbers === 4) {  // at each event of a slider
    for (let i = 0; i < count; ++i) {
      const [from, at] = [4 * i, 8 * i];
      corners[at] = corners[at + 6] = boxes[from] * sx + left;
      corners[at + 1] = corners[at + 3] = boxes[from + 1] * sy + top;
      corners[at + 2] = corners[at + 4] = boxes[from + 2] * sx + left;
      corners[at + 5] = corners[at + 7] = boxes[from + 3] * sy + top;
    }
    return corners;
  }
  for (let i = 0; i < count; ++i) {  // centre, sides, and an angle from +x to +y
    const [a, b, c, d, turn] = boxes.subarray(5 * i, 5 * i + 5);
    const [ux, uy] = [(Math.cos(turn) * c) / 2, (Math.sin(turn) * c) / 2];
    const [vx, vy] = [(-Math.sin(turn) * d) / 2, (Math.cos(turn) * d) / 2];
    const xs = [a - ux - vx, a + ux - vx, a + ux + vx, a - ux + vx];
    const ys = [b - uy - vy, b + uy - vy, b + uy + vy, b - uy + vy];
    for (let k = 0; k < 4; ++k) {
      corners[8 * i + 2 * k] = xs[k] * sx + left;
      corners[8 * i + 2 * k + 1] = ys[k] * sy + top;
    }
  }
  return corners;
}
