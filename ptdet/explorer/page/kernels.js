// ptdet's own kernels, compiled for the browser (csrc/wasm): the same answers as in Python, bit for bit.

// The orders are those of csrc/wasm/kernels.cpp, csrc/api/common.h and csrc/api/methods.h; a test compares them.
const KERNELS = ["hard", "and", "merge", "soft", "fast", "matrix", "nmm", "wbf"];
export const METRICS = ["iou", "giou", "diou", "ciou", "iof", "ios", "tiou", "probiou"];
const UPRIGHT_ONLY = ["ciou"];
const ROTATED_ONLY = ["probiou"];
export const BELOW_ZERO = ["giou", "diou", "ciou"];
export const MEMBERS = ["cluster", "overlapping", "later", "best"];
const DECAYS = ["gaussian", "linear", "hard"];
const CONFIDENCES = ["avg", "max", "box_and_model_avg", "absent_model_aware_avg"];
const CALL = {
  kernel: KERNELS, metric: METRICS, numbers: 0, count: 0, boxesAreDouble: 0, scoresAreDouble: 0, iou: 0, inclusive: 0,
  beta: 0, overlap: 0, members: MEMBERS, byOverlap: 0, sigma: 0, minScore: 0, decay: DECAYS, reselect: 0,
  membersPropagate: 0, confidence: CONFIDENCES, allowsOverflow: 0,
};
const PLACES = Object.keys(CALL);
const COMMON = {
  metric: "iou", iou: 0.5, inclusive: 0, beta: 1, overlap: 0.5, members: "cluster", byOverlap: 0, sigma: 0.5,
  minScore: 0.001, decay: "gaussian", reselect: 1, membersPropagate: 0, confidence: "avg", allowsOverflow: 0,
};

// By the names of `ptdet run --method`: the kernel, its settings, and which options of a call the method takes.
// `moves`: its boxes are new ones; `lowers`: its scores are.
export const METHODS = {
  hard: { kernel: "hard", takes: ["iou", "metric", "inclusive"] },
  or: { kernel: "hard", inclusive: 1, takes: ["iou", "metric", "inclusive"] },
  diou: { kernel: "hard", metric: "diou", takes: ["iou", "beta", "inclusive"] },
  and: { kernel: "and", inclusive: 1, takes: ["iou", "metric", "overlap", "inclusive"] },
  merge: { kernel: "merge", moves: true, takes: ["iou", "metric", "members", "inclusive"] },
  cluster: { kernel: "hard", takes: ["iou", "metric", "weighted", "inclusive"] },
  soft: { kernel: "soft", lowers: true, takes: ["iou", "metric", "sigma", "minScore", "decay"] },
  fast: { kernel: "fast", takes: ["iou", "metric", "inclusive"] },
  matrix: { kernel: "matrix", lowers: true, sigma: 2, takes: ["metric", "sigma", "minScore", "decay"] },
  greedy_nmm: { kernel: "nmm", metric: "ios", inclusive: 1, moves: true, takes: ["iou", "metric", "inclusive"] },
  nmm: {
    kernel: "nmm", metric: "ios", inclusive: 1, membersPropagate: 1, moves: true, takes: ["iou", "metric", "inclusive"],
  },
  wbf: { kernel: "wbf", moves: true, lowers: true, takes: ["iou", "confidence"] },
  nmw: { kernel: "merge", members: "best", byOverlap: 1, moves: true, takes: ["iou"] },
};

// cluster with the option `weighted`.
const WEIGHTED = { ...METHODS.merge, members: "later", byOverlap: 1 };

// Those that boxes have.
export function metricsFor(rotated) {
  const others = rotated ? UPRIGHT_ONLY : ROTATED_ONLY;
  return METRICS.filter((name) => !others.includes(name));
}

// Why there is no result, by what the kernel returned.
const REFUSED = { "-1": "a class is not a number", "-2": "scores: expected numbers >= 0, got one below" };

export class Kernels {
  // `bytes` of ptdet.wasm.
  static async load(bytes) {
    return new Kernels(await WebAssembly.compile(bytes));
  }

  constructor(module) {
    this.module = module;
    this.begin();
  }

  // With a memory of its own.
  begin() {
    this.exports = new WebAssembly.Instance(this.module, {}).exports;
    this.exports._initialize();
  }

  // boxes: (count * numbers) and scores: (count), each a Float32Array or a Float64Array; groups: Int32Array or null: the
  // class of each, boxes of different ones do not meet. options: those that the method takes.
  // keep: which rows are kept, best first; owner: (count) the row that removed each, itself if kept, else -1. boxes and
  // scores: of the kept, in their order, where the method changes them, else null.
  suppress(method, { boxes, scores, groups = null, rotated = false }, options = {}) {
    const unknown = Object.keys(options).filter((name) => !METHODS[method].takes.includes(name));
    const { takes, moves = false, lowers = false, ...settings } = options.weighted ? WEIGHTED : METHODS[method];
    if (unknown.length) throw new TypeError(`${method} does not take ${unknown.join(", ")}`);
    const count = scores.length;
    const numbers = rotated ? 5 : 4;
    if (boxes.length !== count * numbers) throw new RangeError(`boxes: expected ${count} rows of ${numbers} numbers`);
    if (groups !== null && groups.length !== count) throw new RangeError(`groups: expected ${count} numbers`);
    const call = {
      ...COMMON, ...settings, ...options, numbers, count,
      boxesAreDouble: Number(boxes instanceof Float64Array), scoresAreDouble: Number(scores instanceof Float64Array),
    };
    const allowed = metricsFor(rotated);
    if (!allowed.includes(call.metric)) {
      const whose = rotated ? "rotated" : "upright";
      throw new RangeError(`of ${whose} boxes: metric: expected one of ${allowed.join(", ")}, got ${call.metric}`);
    }
    const said = Float64Array.from(PLACES, (name) => placeOf(name, call[name]));
    const memory = new Memory(this.exports);
    let kept, keep, owner, moved, lowered;
    try {
      keep = memory.empty(BigInt64Array, count);
      owner = memory.empty(BigInt64Array, count);
      moved = memory.empty(boxes.constructor, moves ? boxes.length : 0);
      lowered = memory.empty(scores.constructor, count);
      kept = this.exports.suppress(
        memory.copy(said), memory.copy(boxes), memory.copy(scores), groups === null ? 0 : memory.copy(groups),
        keep.at, owner.at, moved.at, lowered.at,
      );
    } catch (error) {  // it stopped where it was: what it holds is never given back
      this.begin();
      throw new RangeError(`there is no memory for ${count.toLocaleString("en")} boxes (${error.message})`);
    }
    try {
      if (kept < 0) throw new RangeError(REFUSED[kept] ?? `the kernel refused: ${kept}`);
      return {
        keep: Int32Array.from(memory.read(keep, kept), Number),
        owner: Int32Array.from(memory.read(owner, count), Number),
        boxes: moves ? memory.read(moved, kept * numbers) : null,
        scores: lowers ? memory.read(lowered, kept) : null,
      };
    } finally {
      memory.release();
    }
  }

  // Of one picture against its truth, at one IoU (csrc/wasm/kernels.cpp). found: { boxes, labels, scores }; truth:
  // { boxes, labels, skipped }; boxes: Float64Array (count * numbers) of x, y, width, height, or rotated ones. labels
  // are in [0, classes). The best `most` of a class count, and an area up to `largest`.
  // outcome: what each found one is (truth.js); taken: which object it takes, -1: none.
  match(numbers, classes, found, truth, { iou, most, largest }) {
    const [count, objects] = [found.scores.length, truth.labels.length];
    const memory = new Memory(this.exports);
    try {
      const outcome = memory.empty(Uint8Array, count);
      const taken = memory.empty(BigInt64Array, count);
      this.exports.match_truth(
        numbers, classes, count, memory.copy(found.boxes), memory.copy(found.labels), memory.copy(found.scores),
        objects, memory.copy(truth.boxes), memory.copy(truth.labels), memory.copy(truth.skipped),
        iou, most, largest, outcome.at, taken.at,
      );
      return { outcome: memory.read(outcome, count), taken: Int32Array.from(memory.read(taken, count), Number) };
    } finally {
      memory.release();
    }
  }
}

function placeOf(name, value) {
  if (!Array.isArray(CALL[name])) return Number(value);
  const place = CALL[name].indexOf(value);
  if (place < 0) throw new RangeError(`${name}: expected one of ${CALL[name].join(", ")}, got ${value}`);
  return place;
}

// What one call needs of the module's memory. The memory may move when it grows: views are made when they are needed.
class Memory {
  constructor(exports) {
    this.exports = exports;
    this.blocks = [];
  }

  empty(type, length) {
    const at = this.exports.allocate(Math.max(8, length * type.BYTES_PER_ELEMENT));
    if (at === 0) throw new RangeError(`no memory for ${length} numbers`);
    this.blocks.push(at);
    return { type, at };
  }

  copy(array) {
    const block = this.empty(array.constructor, array.length);
    new block.type(this.exports.memory.buffer, block.at, array.length).set(array);
    return block.at;
  }

  read(block, length) {
    return new block.type(this.exports.memory.buffer, block.at, length).slice();
  }

  release() {
    this.blocks.forEach((at) => this.exports.release(at));
  }
}
