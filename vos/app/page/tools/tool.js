"use strict";

/** What every tool is: it hears the mouse in pixels of the frame, and draws what is begun. */
export class Tool {
  /**
   * @param {import("../main.js").App} app
   * @param {{name: string, title: string, key: string, icon: string, hint: string}} facts
   */
  constructor(app, facts) {
    this.app = app;
    Object.assign(this, facts);
    this.hasSize = false;
    this.pointer = null;
  }

  /** A button went down at a place of the frame. */
  down() {}

  /** The mouse is at a place of the frame. */
  move(place) {
    this.pointer = place;
  }

  /** The button went up. */
  up() {}

  /** The mouse left the canvas. */
  leave() {
    this.pointer = null;
  }

  /** Finish what is begun. */
  finish() {}

  /** Drop what is begun. */
  cancel() {}

  /** Draw what is begun, in pixels of the frame. */
  draw() {}

  /** @returns {number[]} the colour of the object that the tool works on */
  get color() {
    const object = this.app.project.state.object(this.app.ui.object);
    return object ? object.color : [43, 98, 217];
  }

  /** @returns {{width: number, height: number}} the frame on the screen */
  get size() {
    return this.app.view.shown.bitmap;
  }

  /**
   * Say whether a place lies in the frame.
   *
   * @param {{x: number, y: number}} place
   */
  isInside({ x, y }) {
    return x >= 0 && y >= 0 && x < this.size.width && y < this.size.height;
  }

  /** Say whether the chosen object may be changed; say so on the page if not. */
  mayEdit() {
    const object = this.app.project.state.object(this.app.ui.object);
    if (!object || !(object.locked || object.hidden)) return true;
    this.app.messages.toast(object.locked
      ? `"${object.name}" is locked. Unlock it in the list of objects to change it.`
      : `"${object.name}" is hidden. Show it in the list of objects to change it.`);
    return false;
  }

  /**
   * Make an item part of the chosen object's prompt on the frame on the screen.
   *
   * @param {object} item
   */
  async commit(item) {
    const { project, ui, view } = this.app;
    const object = project.state.object(ui.object) ? ui.object : null;
    const used = await project.addItem(view.number, object, item);
    if (used !== null && object === null) ui.set({ object: used });
  }
}

/** A coordinate with as many digits as matter. */
export function rounded(value) {
  return Math.round(value * 100) / 100;
}
