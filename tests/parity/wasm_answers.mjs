// node wasm_answers.mjs CASES.json MODULE: what page/kernels.js answers to each case, as JSON. Numbers travel as base64
// of their bits.
import { readFileSync } from "node:fs";
import { Kernels } from "../../ptdet/explorer/page/kernels.js";

const TYPES = { float32: Float32Array, float64: Float64Array, int32: Int32Array };

function array({ type, bits }) {
  const bytes = Uint8Array.from(Buffer.from(bits, "base64"));
  return new TYPES[type](bytes.buffer, 0, bytes.length / TYPES[type].BYTES_PER_ELEMENT);
}

function bits(numbers) {
  return numbers && Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString("base64");
}

const kernels = await Kernels.load(readFileSync(process.argv[3]));

function matched({ numbers, classes, found, truth, how }) {
  const arrays = (of) => Object.fromEntries(Object.entries(of).map(([name, value]) => [name, array(value)]));
  return kernels.match(numbers, classes, arrays(found), arrays(truth), how);
}

function suppressed(call) {
  const groups = call.groups && array(call.groups);
  const input = { boxes: array(call.boxes), scores: array(call.scores), groups, rotated: call.rotated };
  return kernels.suppress(call.method, input, call.options);
}

const answers = JSON.parse(readFileSync(process.argv[2], "utf8")).map((call) => {
  try {
    const found = call.how ? matched(call) : suppressed(call);
    return Object.fromEntries(Object.entries(found).map(([name, numbers]) => [name, bits(numbers)]));
  } catch (error) {
    return { error: error.message };
  }
});
console.log(JSON.stringify(answers));
