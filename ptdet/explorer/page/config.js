// The settings as a file that `ptdet run --config` and `ptdet.load_config` read (ptdet/_shared/config.py).

import { settingsOf } from "./pipeline.js";

export const CONFIG_NAME = "tuned.toml";

export function asToml(settings) {
  const { method, agnostic, classes, maxDet } = settings;
  const has = settingsOf(method, settings.kind);
  const said = [
    ["method", method],
    ["iou", has.iou ? settings.iou : null],
    ["sigma", has.sigma ? settings.sigma : null],
    ["beta", has.beta ? settings.beta : null],
    ["metric", has.metric ? settings.metric : null],
    ["kind", has.kind ? settings.kind : null],
    ["members", has.members ? settings.members : null],
    ["weighted", has.weighted ? settings.weighted : null],
    ["conf", settings.conf],
    ["min_score", settings.minScore],
    ["agnostic", agnostic],
  ];
  const tables = agnostic ? [] : Object.entries(classes).filter(([, own]) => Object.keys(own).length > 0);
  const most = maxDet === null ? "" : `# max det is no setting of a file: --max-det ${maxDet}\n`;
  return most + lines(said) + tables.map(([name, own]) => `\n[classes.${text(name)}]\n${lines(Object.entries(own))}`).join("");
}

function lines(pairs) {
  const there = pairs.filter(([, value]) => value !== null);
  return there.map(([key, value]) => `${key} = ${typeof value === "string" ? text(value) : value}\n`).join("");
}

// A basic string of TOML: JSON's, but for U+007F and halves of characters.
function text(value) {
  return JSON.stringify(value.replace(/\p{Surrogate}/gu, "?")).replaceAll("\x7f", "\\u007f");
}
