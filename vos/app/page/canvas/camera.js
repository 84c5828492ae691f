"use strict";

const LEAST = 0.02;
const MOST = 40;

/** Where the frame lies in a window: its scale and the place of its upper left corner. */
export class Camera {
  constructor() {
    this.fitted = true;
    this.scale = 1;
    this.left = 0;
    this.top = 0;
  }

  /**
   * Fit the frame into a window, with a margin.
   *
   * @param {{width: number, height: number}} frame
   * @param {{width: number, height: number}} room
   */
  fit(frame, room) {
    const margin = 12;
    this.scale = Math.max(LEAST, Math.min(
      (room.width - 2 * margin) / frame.width, (room.height - 2 * margin) / frame.height,
    ));
    this.left = (room.width - frame.width * this.scale) / 2;
    this.top = (room.height - frame.height * this.scale) / 2;
    this.fitted = true;
  }

  /** Zoom by a factor; the point of the window at (x, y) stays where it is. */
  zoom(factor, x, y) {
    const scale = Math.min(MOST, Math.max(LEAST, this.scale * factor));
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this.fitted = false;
  }

  /** Move the frame by pixels of the window. */
  pan(x, y) {
    this.left += x;
    this.top += y;
    this.fitted = false;
  }

  /**
   * The place in the frame of a point of the window.
   *
   * @returns {{x: number, y: number}}
   */
  toFrame(x, y) {
    return { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale };
  }
}
