"use strict";

import { drawDot, strokePath } from "../canvas/marks.js";
import { rounded, Tool } from "./tool.js";

const NEAR = 9; // pixels of the screen: a click this near to the first corner closes

/** A polygon, corner by corner. */
export class PolygonTool extends Tool {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    super(app, {
      name: "polygon", title: "Polygon", key: "P", icon: "polygon",
      hint: "Click corner by corner; Enter or the first corner closes it.",
    });
    this.points = [];
    this.frame = null;
  }

  down(place, event) {
    if (event.button !== 0 || !this.mayEdit()) return;
    if (this.frame !== this.app.view.number) this.points = [];
    this.frame = this.app.view.number;
    if (this.points.length >= 3 && this.#isNear(place, this.points[0])) {
      this.finish();
      return;
    }
    const last = this.points[this.points.length - 1];
    if (last && this.#isNear(place, last, 2)) return; // the second half of a double click
    const { width, height } = this.size;
    this.points.push([
      rounded(Math.min(width, Math.max(0, place.x))),
      rounded(Math.min(height, Math.max(0, place.y))),
    ]);
  }

  finish() {
    if (this.frame !== this.app.view.number || !this.points.length) return;
    if (this.points.length < 3) {
      this.app.messages.toast("A polygon needs at least three corners.");
      return;
    }
    const item = { type: "polygon", points: this.points, positive: !this.app.ui.subtract };
    this.points = [];
    this.commit(item);
    this.app.view.request();
  }

  cancel() {
    this.points = [];
  }

  draw(context, scale) {
    if (!this.points.length || this.frame !== this.app.view.number) return;
    context.beginPath();
    this.points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (this.pointer) context.lineTo(this.pointer.x, this.pointer.y);
    strokePath(context, scale, this.color, this.app.ui.subtract ? [6, 4] : []);
    for (const [x, y] of this.points) {
      const item = { x: x - 0.5, y: y - 0.5, positive: !this.app.ui.subtract };
      drawDot(context, scale * 1.6, item, this.color, false);
    }
  }

  #isNear(place, [x, y], reach = NEAR) {
    return Math.hypot(place.x - x, place.y - y) <= reach / this.app.view.camera.scale;
  }
}
