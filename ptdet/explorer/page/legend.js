// How what the truth says of a kept box is drawn, and what that means.

import { element } from "./list.js";
import { FALSE, IGNORED, LEFT_OUT, TRUE } from "./truth.js";

// colour: a name of style.css; sign: before the name of the class, for eyes that do not see the colour.
export const OUTCOMES = {
  [TRUE]: { says: "found", colour: "--true", dashes: [], sign: "" },
  [FALSE]: { says: "false", colour: "--false", dashes: [6, 2], sign: "✗ " },
  missed: { says: "missed", colour: "--missed", dashes: [3, 3], sign: "? " },
  [IGNORED]: { says: "ignored", colour: "--ignored", dashes: [], sign: "" },
  [LEFT_OUT]: { says: "not counted", colour: "--ignored", dashes: [1, 3], sign: "" },
};

// compared: as compare gave it, null where there is no truth; seen: what of it is shown.
export function showLegend(compared, seen) {
  const place = document.getElementById("legend");
  place.hidden = compared === null;
  if (compared === null) return;
  const { places, missed } = seen;
  const counts = { missed: missed.length };
  for (const kept of places) counts[compared.outcome[kept]] = (counts[compared.outcome[kept]] ?? 0) + 1;
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
