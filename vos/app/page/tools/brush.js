"use strict";

import { drawStroke, strokePath } from "../canvas/marks.js";
import { rounded, Tool } from "./tool.js";

/** Strokes by hand: the brush adds what it paints over, the eraser takes it away. */
export class BrushTool extends Tool {
  /**
   * @param {import("../main.js").App} app
   * @param {boolean} isEraser
   */
  constructor(app, isEraser) {
    super(app, isEraser ? {
      name: "eraser", title: "Eraser", key: "E", icon: "eraser",
      hint: "Wipe over what does not belong. The wheel sets the size.",
    } : {
      name: "brush", title: "Brush", key: "D", icon: "brush",
      hint: "Paint over what belongs to the object. The wheel sets the size.",
    });
    this.positive = !isEraser;
    this.hasSize = true;
    this.points = null;
  }

  down(place, event) {
    if (event.button !== 0 || !this.mayEdit()) return;
    this.points = [[rounded(place.x), rounded(place.y)]];
    this.pointer = place;
  }

  move(place) {
    this.pointer = place;
    if (!this.points) return;
    const [x, y] = this.points[this.points.length - 1];
    const step = Math.max(0.5, this.app.ui.brushSize / 16, 1 / this.app.view.camera.scale);
    if (Math.hypot(place.x - x, place.y - y) >= step) {
      this.points.push([rounded(place.x), rounded(place.y)]);
    }
  }

  up(place) {
    if (!this.points) return;
    this.move(place);
    const item = this.#item();
    this.points = null;
    this.commit(item);
  }

  cancel() {
    this.points = null;
  }

  draw(context, scale) {
    if (this.points) drawStroke(context, this.#item(), this.color, 0.55);
    if (!this.pointer) return;
    context.beginPath();
    context.arc(this.pointer.x, this.pointer.y, this.app.ui.brushSize / 2, 0, 2 * Math.PI);
    strokePath(context, scale, [255, 255, 255]);
  }

  #item() {
    const radius = rounded(this.app.ui.brushSize / 2);
    return { type: "stroke", points: this.points, radius, positive: this.positive };
  }
}
