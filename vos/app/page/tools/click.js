"use strict";

import { DOT } from "../canvas/marks.js";
import { Tool } from "./tool.js";

/** Points: the left button adds, the right one takes away, a click on a point removes it. */
export class ClickTool extends Tool {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    super(app, {
      name: "click", title: "Click", key: "C", icon: "click",
      hint: "Click on the object. The right button takes away. A click on a point removes it.",
    });
  }

  down(place, event) {
    if (!this.isInside(place) || !this.mayEdit()) return;
    const index = this.#pointAt(place);
    if (index !== null) {
      const { project, ui, view } = this.app;
      project.change({
        action: "remove_item", frame: view.number, object: ui.object, index,
      });
      return;
    }
    if (event.button !== 0 && event.button !== 2) return;
    const { x, y } = place;
    this.commit({
      type: "click", x: Math.floor(x), y: Math.floor(y), positive: event.button === 0,
    });
  }

  #pointAt({ x, y }) {
    const { project, ui, view } = this.app;
    const prompt = project.state.prompt(view.number, ui.object);
    if (!prompt) return null;
    const reach = (DOT + 2) / view.camera.scale;
    for (let index = prompt.items.length - 1; index >= 0; index -= 1) {
      const item = prompt.items[index];
      if (item.type !== "click") continue;
      if (Math.hypot(item.x + 0.5 - x, item.y + 0.5 - y) <= reach) return index;
    }
    return null;
  }
}
