// The settings as a command line of `ptdet run`, which keeps the same boxes.

import { CONFIG_NAME } from "./config.js";
import { hasOwn, settingsOf } from "./pipeline.js";

// words: the command as far as it says which files, and how to read them.
export function asCommand(words, settings) {
  const has = settingsOf(settings.method, settings.kind);
  const noOption = ["beta", "kind", "members", "weighted"].some((name) => has[name] && settings[name] !== null);
  if (noOption || hasOwn(settings)) {  // which only the file can say that "Save config" gives
    const most = settings.maxDet === null ? [] : ["--max-det", String(settings.maxDet)];
    return [...words, "--config", CONFIG_NAME, ...most].map(quoted).join(" ");
  }
  const said = [
    ["--method", settings.method !== "hard" && settings.method],
    ["--conf", settings.conf],
    ["--iou", has.iou && settings.iou],
    ["--metric", has.metric && settings.metric],
    ["--sigma", has.sigma && settings.sigma],
    ["--min-score", settings.minScore],
    ["--max-det", settings.maxDet],
  ].filter(([, value]) => value !== null && value !== false);
  // a number below 0 would be taken for an option
  const options = said.flatMap(([option, value]) => (value < 0 ? [`${option}=${value}`] : [option, String(value)]));
  return [...words, ...options, ...(settings.agnostic ? ["--agnostic"] : [])].map(quoted).join(" ");
}

function quoted(word) {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  const bytes = /\p{Surrogate}/gu;  // of a name that is no UTF-8, as Python has them
  if (!bytes.test(word)) return `'${word.replaceAll("'", `'"'"'`)}'`;
  const escaped = word.replace(/[\\']/g, "\\$&");
  return `$'${escaped.replace(bytes, (half) => `\\x${(half.charCodeAt(0) - 0xdc00).toString(16)}`)}'`;
}
