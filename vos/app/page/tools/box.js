"use strict";

import { outline, strokePath } from "../canvas/marks.js";
import { Tool } from "./tool.js";

const LEAST = 2; // pixels of the frame: less is a slip of the mouse

/** A box around the object. */
export class BoxTool extends Tool {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    super(app, {
      name: "box", title: "Box", key: "R", icon: "box", hint: "Drag a box around the object.",
    });
    this.start = null;
  }

  down(place, event) {
    if (event.button !== 0 || !this.mayEdit()) return;
    this.start = place;
    this.pointer = place;
  }

  up(place) {
    if (!this.start) return;
    this.pointer = place;
    const box = this.#box();
    this.start = null;
    if (box.right - box.left >= LEAST && box.bottom - box.top >= LEAST) this.commit(box);
  }

  cancel() {
    this.start = null;
  }

  draw(context, scale) {
    if (!this.start || !this.pointer) return;
    outline(context, this.#box());
    strokePath(context, scale, this.color, [6, 4]);
  }

  #box() {
    const { width, height } = this.size;
    const within = (value, most) => Math.min(most, Math.max(0, value));
    const [left, right] = [this.start.x, this.pointer.x].sort((a, b) => a - b);
    const [top, bottom] = [this.start.y, this.pointer.y].sort((a, b) => a - b);
    return {
      type: "box",
      left: within(Math.floor(left), width),
      top: within(Math.floor(top), height),
      right: within(Math.ceil(right), width),
      bottom: within(Math.ceil(bottom), height),
    };
  }
}
