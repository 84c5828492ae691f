"use strict";

import { byId, h } from "../core/dom.js";
import { KEYS, MOUSE } from "../core/keys.js";
import { MEANING } from "./confidence.js";

const TIMELINE = "On the timeline, diamonds are prompts, green lines are checked frames, and the "
  + "next propagation computes hatched frames again. The height of a row is the confidence.";

function row(presses, does) {
  const keys = presses.map((press) => h("kbd", { text: press }));
  return h("div", { class: "key-row" }, h("span", { class: "keys" }, ...keys),
    h("span", { text: does }));
}

/** Make the list of keys from their table. */
export function createHelp() {
  const groups = new Map();
  for (const { group, show, does } of KEYS) {
    const isDigit = /^\d$/.test(show);
    const rows = groups.get(group) || new Map();
    const text = isDigit ? "Choose object 1 to 10" : does;
    rows.set(text, [...(rows.get(text) || []), show]);
    groups.set(group, rows);
  }
  groups.get("Objects").set("Choose object 1 to 10", ["1", "…", "9", "0"]);
  const columns = [...groups].map(([group, rows]) => h("section", { class: "key-group" },
    h("h3", { text: group }),
    ...[...rows].map(([does, presses]) => row(presses, does))));
  const mouse = h("section", { class: "key-group wide" }, h("h3", { text: "Mouse" }),
    ...MOUSE.map(([press, does]) => row([press], does)));
  byId("help-body").append(h("div", { class: "key-groups" }, ...columns, mouse),
    h("p", { class: "muted", text: TIMELINE }),
    h("p", { class: "muted", text: MEANING }));
  byId("open-help").onclick = () => byId("help-dialog").showModal();
}
