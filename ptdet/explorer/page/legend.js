// How what the truth says of a kept box is drawn, and what that means.

import { element } from "./list.js";
import { FALSE, IGNORED, LEFT_OUT, TRUE } from "./truth.js";

// colour: a name of style.css.
export const OUTCOMES = {
  [TRUE]: { says: "found", colour: "--true", dashes: [] },
  [FALSE]: { says: "false", colour: "--false", dashes: [6, 2] },
  missed: { says: "missed", colour: "--missed", dashes: [3, 3] },
  [IGNORED]: { says: "ignored", colour: "--ignored", dashes: [] },
  [LEFT_OUT]: { says: "not counted", colour: "--ignored", dashes: [1, 3] },
};

// compared: as compare gave it, null where there is no truth.
export function showLegend(compared) {
  const place = document.getElementById("legend");
  place.hidden = compared === null;
  if (compared === null) return;
  const counts = { missed: compared.missed.length };
  for (const what of compared.outcome) counts[what] = (counts[what] ?? 0) + 1;
  const list = element("ul");
  for (const what of [TRUE, FALSE, "missed", IGNORED, LEFT_OUT]) {
    if (!counts[what] && (what === IGNORED || what === LEFT_OUT)) continue;
    const { says } = OUTCOMES[what];
    const item = element("li");
    item.append(element("span", `swatch ${says.replace(" ", "-")}`), `${counts[what] ?? 0} ${says}`);
    list.append(item);
  }
  place.replaceChildren(list);
}
