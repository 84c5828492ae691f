"use strict";

import { byId } from "../core/dom.js";

/**
 * The buttons of undo and redo, with what they would do.
 *
 * @param {import("../main.js").App} app
 * @returns {{undo: () => void, redo: () => void}}
 */
export function createHistory(app) {
  const show = () => {
    for (const [id, name, keys] of [["undo", "Undo", "Ctrl+Z"], ["redo", "Redo", "Ctrl+Shift+Z"]]) {
      const label = app.project[`${id}Label`];
      const button = byId(id);
      button.disabled = !label;
      button.title = label ? `${name}: ${label} (${keys})` : `Nothing to ${id} (${keys})`;
      byId(`${id}-label`).textContent = label ? `${name}: ${label}` : name;
    }
  };
  const act = (action) => () => {
    if (app.project[`${action}Label`]) app.project.change({ action });
  };
  app.bus.on("state", show);
  byId("undo").onclick = act("undo");
  byId("redo").onclick = act("redo");
  return { undo: act("undo"), redo: act("redo") };
}
