"use strict";

import { byId } from "../core/dom.js";

/**
 * Marks of checked frames: of the one on the screen, and of a range of the timeline.
 *
 * @param {import("../main.js").App} app
 */
export function createChecking(app) {
  const box = byId("checked");
  const mark = (first, last, checked) => app.project.change({
    action: "set_checked", first, last, checked,
  });
  const markRange = (checked) => () => {
    if (app.ui.range) mark(...app.ui.range, checked);
  };
  const show = () => {
    const { number } = app.view;
    box.checked = number !== null && Boolean(app.project.state.get(`checked/${number}`));
    const { range } = app.ui;
    byId("range-box").hidden = !range;
    if (range) byId("range-text").textContent = `Frames ${range[0]} to ${range[1]}`;
  };
  box.title = "A checked frame keeps its mask when prompts are propagated";
  box.onchange = () => {
    const { number } = app.view;
    if (number !== null) mark(number, number, box.checked);
  };
  byId("range-check").onclick = markRange(true);
  byId("range-uncheck").onclick = markRange(false);
  byId("range-clear").onclick = () => app.ui.set({ range: null });
  app.bus.on("drawn", show);
  app.bus.on("state", show);
  app.bus.on("ui", (name) => name === "range" && show());
}
