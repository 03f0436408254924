// The picture and its boxes on two canvases: what changes with a setting below, what the pointer asks for above.

import { OUTCOMES } from "./legend.js";
import { className, cornersOf } from "./picture.js";
import { FALSE, IGNORED, LEFT_OUT, TRUE } from "./truth.js";

// Strong on photographs and on paper, neighbours far apart: those of ptdet run's pictures.
const COLOURS = [
  "#1f77d2", "#d64514", "#168c4e", "#9b40be", "#f7b500", "#0099a8", "#dc1e5a", "#748e00", "#5c4ed6", "#a8602c",
  "#ec78b0", "#466880",
];
const MOST_LABELS = 120;  // beyond that they are a carpet; the boxes are all drawn
const MOST_STROKES = 700;
const MOST_DASHES = 300;  // boxes; of more dashes, and shadows behind them, take long
const LETTERS = 24;  // of the name of a class
const MOST_LINES = 400;  // from a box to those that it removed
const FAR = 1e6;  // pixels
const NEAR = 6;  // pixels from a border

export class Stage {
  // chosen(what): told of what is under the pointer: { box }, a candidate, { object }, one that is missed, or null;
  // pinned(what): of what was clicked.
  constructor({ chosen, pinned, moved }) {
    this.area = document.getElementById("stage");
    this.below = document.getElementById("boxes");
    this.above = document.getElementById("marks");
    this.split = document.getElementById("split");
    this.layer = document.createElement("canvas");  // the picture and all candidates, which few settings change
    this.raster = document.createElement("canvas");
    this.way = { scale: 1, x: 0, y: 0 };
    this.fitted = true;
    this.found = null;
    this.shown = null;
    this.picked = null;
    this.tell = { chosen, pinned, moved };
    this.resize();
    new ResizeObserver(() => this.resize()).observe(this.area);
    this.listen();
  }

  // theme: dark or light, as the style sheet has it now.
  useTheme(theme) {
    if (theme === this.theme) return;
    this.theme = theme;
    known = {};
  }

  // picture: as unpack gave it; image: what is behind it, or null; size: width and height in pixels.
  setPicture(picture, image, size) {
    this.picture = picture;
    this.image = image;
    this.size = size;
    this.corners = cornersOf(picture, picture.boxes, size);
    const inPixels = { ...picture, space: { kind: "picture", size: [1, 1] } };
    this.objects = picture.truth && cornersOf(inPixels, objectsOf(picture), size);
    // what the paper shows: the picture, else where the boxes are
    ({ origin: this.origin, extent: this.extent } = size ? { origin: [0, 0], extent: size } : paperOf(this.corners));
    this.shown = null;
    this.picked = null;
    this.fit();
  }

  // There is nothing to show.
  clear() {
    this.found = null;
    this.layerIs = null;
    for (const canvas of [this.below, this.above]) canvas.getContext("2d").reset();
  }

  // found: as run gave it; seen: which of it is shown (shown.js).
  setResult(found, seen, { view, split, labels }) {
    this.found = found;
    this.seen = seen;
    this.named = labels;
    this.view = view;
    this.at = split;
    this.shown = cornersOf(this.picture, found.boxes, this.size);
    this.placeOf = new Int32Array(found.candidates.length).fill(-1);
    found.keep.forEach((box, place) => (this.placeOf[box] = place));
    this.draw();
  }

  fit() {
    if (!this.extent) return;
    const { width, height } = this.panel();
    const [wide, high] = this.extent;
    const [left, top] = this.origin;
    const scale = scaleInto(width, height, this.extent);
    this.way = { scale, x: (width - wide * scale) / 2 - left * scale, y: (height - high * scale) / 2 - top * scale };
    this.fitted = true;
    this.draw();
  }

  zoom(factor, x = this.panel().width / 2, y = this.panel().height / 2) {
    if (!this.extent) return;
    const { width, height } = this.panel();
    const fitted = scaleInto(width, height, this.extent);
    const scale = Math.min(Math.max(this.way.scale * factor, Math.min(1e-4, fitted / 8)), Math.max(400, 64 * fitted));
    const ratio = scale / this.way.scale;
    this.way = { scale, x: x - (x - this.way.x) * ratio, y: y - (y - this.way.y) * ratio };
    this.fitted = false;
    this.draw();
  }

  pan(dx, dy) {
    this.way.x += dx;
    this.way.y += dy;
    this.fitted = false;
    this.draw();
  }

  resize() {
    const { clientWidth, clientHeight } = this.area;  // asked for here alone: it lays the page out
    this.room = { width: clientWidth, height: clientHeight };
    this.sharp = window.devicePixelRatio || 1;
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.max(1, Math.round(clientWidth * this.sharp));
      canvas.height = Math.max(1, Math.round(clientHeight * this.sharp));
    }
    if (this.fitted) this.fit();
    else this.draw();
  }

  // The stage, or the half of it in which the picture comes out larger; x and y: where the other half begins.
  panel() {
    const { width, height } = this.room;
    if (this.view !== "side") return { width, height, x: 0, y: 0 };
    const across = { width: width / 2, height, x: width / 2, y: 0 };
    const down = { width, height: height / 2, x: 0, y: height / 2 };
    const size = (half) => scaleInto(half.width, half.height, this.extent ?? [1, 1]);
    return size(across) >= size(down) ? across : down;
  }

  draw() {
    if (!this.found || !this.shown) return;
    const { width, height, x, y } = this.panel();
    const context = this.below.getContext("2d");
    const side = this.view === "side";
    const middle = side ? width : Math.round(width * this.at);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.below.width, this.below.height);
    this.drawLayer(width, height);
    context.drawImage(this.layer, 0, 0);
    this.within(context, [0, 0, middle, height], [0, 0], () => this.drawKeptBefore(context));
    const after = side ? [x, y, width, height] : [middle, 0, width - middle, height];
    this.within(context, after, [x, y], () => {
      context.clearRect(-x, -y, this.room.width, this.room.height);
      this.drawImage(context);
      this.drawKept(context);
    });
    context.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    context.fillStyle = style(side ? "--line" : "--accent");
    if (side) context.fillRect(x, y, x ? 1 : width, x ? height : 1);
    else if (middle > 0 && middle < width) context.fillRect(middle - 1, 0, 2, height);
    const halves = side ? (x ? "across" : "down") : "wipe";
    if (this.area.dataset.halves !== halves) this.area.dataset.halves = halves;
    this.split.hidden = side;
    this.drawMarks();
  }

  // Paints in a rectangle of the stage, with the origin at `begin`.
  within(context, rectangle, begin, paint) {
    context.save();
    context.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    context.beginPath();
    context.rect(...rectangle);
    context.clip();
    context.translate(...begin);
    paint();
    context.restore();
  }

  drawLayer(width, height) {
    const candidates = this.seen.rows;
    const { scale, x, y } = this.way;
    const sum = candidates.reduce((all, box) => (31 * all + box) | 0, 0);  // which they are, not only how many
    const key = [candidates.length, sum, width, height, scale, x, y, this.sharp, this.theme];
    if (this.layerIs?.picture === this.picture && this.layerIs.key === key.join()) return;
    this.layerIs = { picture: this.picture, key: key.join() };
    this.layer.width = Math.max(1, Math.round(width * this.sharp));
    this.layer.height = Math.max(1, Math.round(height * this.sharp));
    const context = this.layer.getContext("2d");
    context.setTransform(this.sharp, 0, 0, this.sharp, 0, 0);
    this.drawImage(context);
    context.globalAlpha = candidates.length > 400 ? 0.45 : 0.8;
    context.lineWidth = 1;
    if (this.areMany(candidates)) context.globalAlpha = 0.8;
    this.strokeAll(context, this.corners, candidates, (row) => colourOf(this.picture, row));
    context.globalAlpha = 1;
  }

  areMany(rows) {
    return rows.length > MOST_STROKES && !this.picture.rotated;
  }

  // The boxes at these rows of corners, in the line width of the context.
  strokeAll(context, corners, rows, colourAt) {
    if (this.areMany(rows)) {
      const { width, height } = this.panel();
      context.drawImage(this.outlines(corners, rows, colourAt, context.lineWidth), 0, 0, width, height);
      return;
    }
    const groups = new Map();
    rows.forEach((row, at) => {
      const colour = colourAt(row, at);
      if (!groups.has(colour)) groups.set(colour, []);
      groups.get(colour).push(row);
    });
    for (const [colour, group] of groups) {
      context.strokeStyle = colour;
      for (const row of group) this.trace(context, corners, row);
    }
  }

  // Of many upright boxes, pixel by pixel: the canvas takes several times as long for its strokes.
  outlines(corners, rows, colourAt, wide) {
    const room = this.panel();
    const [width, height] = [room.width, room.height].map((side) => Math.max(1, Math.round(side * this.sharp)));
    if (this.pixels?.width !== width || this.pixels.height !== height) this.pixels = new ImageData(width, height);
    const words = new Uint32Array(this.pixels.data.buffer);
    words.fill(0);
    const known = new Map();
    const wordOf = (colour) => {
      if (!known.has(colour)) known.set(colour, new Uint32Array(Uint8Array.of(...rgbOf(colour), 255).buffer)[0]);
      return known.get(colour);
    };
    const { scale, x, y } = this.way;
    const line = Math.max(1, Math.round(wide * this.sharp));
    const half = line >> 1;
    const fill = (left, top, right, bottom, colour) => {
      const [begin, end] = [Math.max(left, 0), Math.min(right, width)];
      if (begin >= end) return;
      const stop = Math.min(bottom, height) * width;
      for (let row = Math.max(top, 0) * width; row < stop; row += width) {
        for (let at = row + begin; at < row + end; ++at) words[at] = colour;
      }
    };
    rows.forEach((row, at) => {
      const begin = 8 * row;
      const left = Math.round((corners[begin] * scale + x) * this.sharp) - half;
      const top = Math.round((corners[begin + 1] * scale + y) * this.sharp) - half;
      const right = Math.round((corners[begin + 4] * scale + x) * this.sharp) - half;
      const bottom = Math.round((corners[begin + 5] * scale + y) * this.sharp) - half;
      const colour = wordOf(colourAt(row, at));
      fill(left, top, right, top + line, colour);
      fill(left, bottom, right + line, bottom + line, colour);
      fill(left, top, left + line, bottom, colour);
      fill(right, top, right + line, bottom, colour);
    });
    this.raster.width = width;
    this.raster.height = height;
    this.raster.getContext("2d").putImageData(this.pixels, 0, 0);
    return this.raster;
  }

  drawImage(context) {
    const { scale } = this.way;
    const [wide, high] = this.extent;
    const [x, y] = [this.way.x + this.origin[0] * scale, this.way.y + this.origin[1] * scale];
    context.fillStyle = style("--paper");
    context.fillRect(x, y, wide * scale, high * scale);
    if (this.image) {
      context.imageSmoothingEnabled = scale < 3;
      context.drawImage(this.image, x, y, wide * scale, high * scale);
    }
    context.strokeStyle = style("--line");
    context.lineWidth = 1;
    context.strokeRect(x, y, wide * scale, high * scale);
  }

  drawKeptBefore(context) {
    const { candidates, keep } = this.found;
    context.lineWidth = 2;
    const rows = this.seen.places.map((place) => candidates[keep[place]]);
    this.strokeAll(context, this.corners, rows, (row) => colourOf(this.picture, row));
  }

  drawKept(context) {
    const { candidates, keep, compared } = this.found;
    const { places, missed } = this.seen;
    const box = (place) => candidates[keep[place]];
    const few = places.length + missed.length <= MOST_DASHES;
    if (few) {
      context.lineWidth = 4;
      context.strokeStyle = "rgb(0 0 0 / 45%)";
      for (const place of places) this.trace(context, this.shown, place);
    }
    context.lineWidth = 2;
    if (compared === null) {
      this.strokeAll(context, this.shown, places, (place) => colourOf(this.picture, box(place)));
    } else {
      const stroke = ({ dashes, colour }, corners, rows) => {
        context.setLineDash(few ? dashes : []);
        this.strokeAll(context, corners, rows, () => style(colour));
      };
      stroke(OUTCOMES.missed, this.objects, missed);
      for (const what of [LEFT_OUT, IGNORED, FALSE, TRUE]) {
        stroke(OUTCOMES[what], this.shown, places.filter((place) => compared.outcome[place] === what));
      }
      context.setLineDash([]);
    }
    if (this.named) this.drawLabels(context, places, missed, box);
  }

  // The best first, then those of missed objects; one that finds no room above, in or below its box is left out.
  drawLabels(context, places, missed, box) {
    const { width: room } = this.panel();
    const begin = this.view === "side" ? 0 : room * this.at + 1;
    const letters = Math.min(LETTERS, Math.max(8, Math.floor((room - begin) / 14)));
    const short = (name) => shortened(name, letters);
    const { compared } = this.found;
    const taken = [];
    const free = (left, top, width) =>
      taken.every((other) => {
        const beside = left >= other.left + other.width || left + width <= other.left;
        return beside || Math.abs(other.top - top) >= 15;
      });
    const write = (words, corners, row, colour) => {
      const [x, top, bottom, right] = this.onStage(corners, row);
      if (right < begin || x > room || bottom < 0 || top > this.panel().height) return;
      const width = context.measureText(words).width + 8;
      const left = Math.max(Math.min(x - 1, room - width), begin);
      const at = [top - 15, top, bottom].find((y) => y >= 0 && free(left, y, width));
      if (at === undefined) return;
      taken.push({ left, top: at, width });
      context.fillStyle = colour;
      context.fillRect(left, at, width, 15);
      context.fillStyle = inkOn(colour);
      context.fillText(words, left + 4, at + 11);
    };
    context.font = "600 11px system-ui, sans-serif";
    for (const place of places.slice(0, MOST_LABELS)) {
      const { colour, sign } = compared === null ? { sign: "" } : OUTCOMES[compared.outcome[place]];
      const words = `${sign}${short(className(this.picture, box(place)))} ${this.found.scores[place].toFixed(2)}`;
      write(words.trimStart(), this.shown, place, colour ? style(colour) : colourOf(this.picture, box(place)));
    }
    for (const object of missed.slice(0, MOST_LABELS)) {
      const { names, labels } = this.picture.truth;
      write(OUTCOMES.missed.sign + short(names[labels[object]]), this.objects, object, style(OUTCOMES.missed.colour));
    }
  }

  trace(context, corners, row) {
    const { scale, x, y } = this.way;
    const at = 8 * row;
    if (!this.picture.rotated) {
      // on whole pixels lines are sharp
      const half = context.lineWidth % 2 ? 0.5 : 0;
      const left = Math.round(corners[at] * scale + x) + half;
      const top = Math.round(corners[at + 1] * scale + y) + half;
      const right = Math.round(corners[at + 4] * scale + x) + half;
      context.strokeRect(left, top, right - left, Math.round(corners[at + 5] * scale + y) + half - top);
      return;
    }
    context.beginPath();
    for (let k = 0; k < 8; k += 2) context.lineTo(corners[at + k] * scale + x, corners[at + k + 1] * scale + y);
    context.closePath();
    context.stroke();
  }

  // Where the highest corner of a box is on the stage, how far down it comes, and how far to the right.
  onStage(corners, row) {
    const { scale, x, y } = this.way;
    let [best, lowest, right] = [8 * row, -Infinity, -Infinity];
    for (let at = 8 * row; at < 8 * row + 8; at += 2) {
      if (corners[at + 1] < corners[best + 1]) best = at;
      lowest = Math.max(lowest, corners[at + 1]);
      right = Math.max(right, corners[at]);
    }
    return [corners[best] * scale + x, corners[best + 1] * scale + y, lowest * scale + y, right * scale + x];
  }

  // picked: { box, owner, removed, words }, candidates all; or { object, row, words }, a missed one and the box (of the
  // picture, null: none) that could find it; null: nothing is chosen.
  mark(picked) {
    this.picked = picked;
    this.drawMarks();
  }

  drawMarks() {
    const context = this.above.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.above.width, this.above.height);
    if (!this.picked || !this.shown) return;
    const { width, height, x, y } = this.panel();
    this.within(context, [0, 0, width, height], [0, 0], () => this.drawPicked(context));
    if (this.view !== "side") return;
    this.within(context, [x, y, width, height], [x, y], () => this.drawPickedAfter(context));
  }

  drawPicked(context) {
    if (this.picked.object !== undefined) this.drawObject(context);
    else this.drawRelations(context);
  }

  drawObject(context) {
    const { object, row, words } = this.picked;
    this.outline(context, this.objects, object, 3, [], style("--missed"));
    if (row !== null) this.outline(context, this.corners, row, 2.5, [5, 4]);
    const [left, top, , , right, bottom] = this.objects.subarray(8 * object, 8 * object + 8);
    const { scale, x, y } = this.way;
    this.write(context, words, ((left + right) / 2) * scale + x, ((top + bottom) / 2) * scale + y);
  }

  drawRelations(context) {
    const { candidates } = this.found;
    const { box, owner, removed, words } = this.picked;
    const line = (from, to) => {
      context.beginPath();
      context.moveTo(...this.centre(candidates[from]));
      context.lineTo(...this.centre(candidates[to]));
      context.stroke();
    };
    removed.forEach((each) => this.outline(context, this.corners, candidates[each], 1.25, [4, 3]));
    context.lineWidth = 1;
    context.strokeStyle = style("--mark");
    context.globalAlpha = 0.7;
    removed.slice(0, MOST_LINES).forEach((each) => line(each, box));
    context.globalAlpha = 1;
    if (owner !== null) {
      this.outline(context, this.corners, candidates[owner], 3, [], style("--owner"));
      context.strokeStyle = "rgb(0 0 0 / 60%)";
      context.lineWidth = 4;
      line(box, owner);
      context.strokeStyle = style("--mark");
      context.lineWidth = 2;
      line(box, owner);
    }
    this.outline(context, this.corners, candidates[box], 2.5, owner === null ? [] : [5, 4]);
    const from = this.centre(candidates[box]);
    const to = owner === null ? from : this.centre(candidates[owner]);
    this.write(context, words, (from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
  }

  drawPickedAfter(context) {
    const { object } = this.picked;
    if (object !== undefined) return this.outline(context, this.objects, object, 3, [], style("--missed"));
    const place = this.placeOf[this.picked.owner ?? this.picked.box];
    const colour = style(this.picked.owner === null ? "--mark" : "--owner");
    if (place >= 0) this.outline(context, this.shown, place, 3, [], colour);
  }

  outline(context, corners, row, width, dashes, colour = style("--mark")) {
    context.setLineDash([]);
    context.strokeStyle = "rgb(0 0 0 / 60%)";
    context.lineWidth = width + 2;
    this.trace(context, corners, row);
    context.setLineDash(dashes);
    context.strokeStyle = colour;
    context.lineWidth = width;
    this.trace(context, corners, row);
    context.setLineDash([]);
  }

  write(context, words, x, y) {
    context.font = "600 12px system-ui, sans-serif";
    const width = context.measureText(words).width + 12;
    const left = Math.min(Math.max(x - width / 2, 4), Math.max(4, this.panel().width - width - 4));
    const top = Math.min(Math.max(y - 10, 4), this.panel().height - 24);
    context.fillStyle = style("--mark");
    context.beginPath();
    context.roundRect(left, top, width, 20, 5);
    context.fill();
    context.fillStyle = "#14161a";
    context.fillText(words, left + 6, top + 14);
  }

  // The corners of a box: as it is kept, or as it came.
  cornersAt(box) {
    const place = this.placeOf[box];
    const [corners, row] = place < 0 ? [this.corners, this.found.candidates[box]] : [this.shown, place];
    return corners.subarray(8 * row, 8 * row + 8);
  }

  centre(row) {
    const { scale, x, y } = this.way;
    const at = 8 * row;
    return [
      ((this.corners[at] + this.corners[at + 4]) / 2) * scale + x,
      ((this.corners[at + 1] + this.corners[at + 5]) / 2) * scale + y,
    ];
  }

  // What is at a point of the stage: that whose border is nearest, else the smallest around it.
  whatIsAt(x, y) {
    if (!this.found || !this.shown) return null;
    const { width } = this.panel();
    const [ownX, ownY, second] = this.inPanel(x, y);
    const after = this.view === "side" ? second : x > width * this.at;
    const [px, py] = [(ownX - this.way.x) / this.way.scale, (ownY - this.way.y) / this.way.scale];
    const near = NEAR / this.way.scale;
    const { rows, owns, places, missed } = this.seen;
    const { keep } = this.found;
    let [best, distance, around, smallest] = [null, near, null, Infinity];
    const look = (corners, row, what) => {
      const met = reach(corners, 8 * row, px, py, near);
      if (met.distance < distance) [best, distance] = [what(), met.distance];
      if (met.inside && met.area < smallest) [around, smallest] = [what(), met.area];
    };
    if (after) {
      places.forEach((place) => look(this.shown, place, () => ({ box: keep[place] })));
      missed.forEach((object) => look(this.objects, object, () => ({ object })));
    } else {
      rows.forEach((row, at) => look(this.corners, row, () => ({ box: owns === null ? at : owns[at] })));
    }
    return best ?? around;
  }

  // A point of the stage in its half, and whether that is the second one.
  inPanel(x, y) {
    const half = this.panel();
    const second = this.view === "side" && (half.x ? x >= half.x : y >= half.y);
    return second ? [x - half.x, y - half.y, true] : [x, y, false];
  }

  listen() {
    const canvas = this.below;
    const place = (event) => {
      const { left, top } = this.area.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top];
    };
    const fingers = new Map();
    let dragged = 0;
    canvas.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, place(event));
      canvas.setPointerCapture(event.pointerId);
      dragged = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const [x, y] = place(event);
      const before = fingers.get(event.pointerId);
      if (before === undefined) {
        this.tell.chosen(this.whatIsAt(x, y));
        return;
      }
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
        this.zoom(apart([x, y]) / Math.max(apart(before), 1), ...this.inPanel((x + other[0]) / 2, (y + other[1]) / 2));
      } else if (event.buttons & 1) {
        this.pan(x - before[0], y - before[1]);
      }
      dragged += Math.hypot(x - before[0], y - before[1]);
      fingers.set(event.pointerId, [x, y]);
    });
    const lift = (event) => {
      const begun = fingers.delete(event.pointerId);
      if (begun && event.type === "pointerup" && dragged < 4) this.tell.pinned(this.whatIsAt(...place(event)));
    };
    canvas.addEventListener("pointerup", lift);
    canvas.addEventListener("pointercancel", lift);
    canvas.addEventListener("pointerleave", () => this.tell.chosen(null));
    canvas.addEventListener("dblclick", () => this.fit());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = place(event);
      this.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), ...this.inPanel(x, y));
    }, { passive: false });
    this.split.addEventListener("input", () => this.tell.moved(Number(this.split.value)));
  }
}

// How far a point is from the border of a box, whether it lies in it, and the area. Looks no further than `near`.
function reach(corners, at, px, py, near) {
  let [distance, inside, area] = [Infinity, true, 0];
  let turn = 0;
  for (let k = 0; k < 8; k += 2) {
    const [ax, ay] = [corners[at + k], corners[at + k + 1]];
    const [bx, by] = [corners[at + ((k + 2) % 8)], corners[at + ((k + 3) % 8)]];
    const [dx, dy] = [bx - ax, by - ay];
    const cross = dx * (py - ay) - dy * (px - ax);
    turn ||= Math.sign(cross);
    if (cross !== 0 && Math.sign(cross) !== turn) inside = false;
    area += ax * by - bx * ay;
    const long = dx * dx + dy * dy;
    if (cross * cross > near * near * long) continue;
    const along = long > 0 ? Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / long, 0), 1) : 0;
    distance = Math.min(distance, Math.hypot(px - ax - along * dx, py - ay - along * dy));
  }
  return { distance, inside, area: Math.abs(area) / 2 };
}

// By whole characters: some are two units of a string.
function shortened(name, most) {
  const letters = Array.from(name.slice(0, 2 * most + 2));
  return letters.length > most ? `${letters.slice(0, most - 1).join("").trimEnd()}…` : name;
}

function scaleInto(width, height, [wide, high]) {
  return Math.max(Math.min((width - 24) / wide, (height - 24) / high), 1e-6);
}

// From the picture's corner to all boxes that are no further than any picture is large.
function paperOf(corners) {
  let [left, top, right, bottom] = [0, 0, 0, 0];
  for (let at = 0; at < corners.length; at += 2) {
    const [x, y] = [corners[at], corners[at + 1]];
    if (!(Math.abs(x) <= FAR && Math.abs(y) <= FAR)) continue;
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return { origin: [left, top], extent: [right - left || 1, bottom - top || 1] };
}

// Those of the truth as cornersOf takes them.
function objectsOf({ numbers, truth: { boxes } }) {
  return numbers === 4 ? boxes.map((value, at) => (at % 4 < 2 ? value : value + boxes[at - 2])) : boxes;
}

function colourOf(picture, row) {
  return COLOURS[picture.labels === null ? 0 : picture.labels[row] % COLOURS.length];
}

function rgbOf(colour) {
  return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

// That with more contrast (WCAG's luminance).
function inkOn(colour) {
  const [red, green, blue] = rgbOf(colour).map((part) => ((part / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.19 ? "#101214" : "#ffffff";
}

// Colours of the style sheet, asked for once a theme: each look-up costs a layout.
let known = {};

function style(name) {
  known[name] ??= canvasColour(name);
  return known[name];
}

// As #rrggbb.
function canvasColour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = getComputedStyle(probe).color;
  probe.remove();
  return context.fillStyle;
}
