"use strict";

const KEY = "vos.page";
const KEPT = [
  "source", "frames", "object", "tool", "view", "opacity", "sideBySide", "brushSize", "theme",
  "sourcesShown",
];

/** What the page itself is set to; kept in the browser, so that a reload changes nothing. */
export class Ui {
  /** @param {import("./bus.js").Bus} bus */
  constructor(bus) {
    this.bus = bus;
    this.source = null;
    this.frames = {}; // the cursor of each source
    this.frame = 0;
    this.object = null;
    this.tool = "click";
    this.view = "overlay";
    this.opacity = 0.5;
    this.sideBySide = false;
    this.brushSize = 24; // diameter in pixels of the frame
    this.subtract = false; // a polygon takes away
    this.theme = "auto";
    this.sourcesShown = null; // null: shown where there are several
    this.range = null; // [first, last] chosen on the timeline
    this.playing = false;
    try {
      const kept = JSON.parse(localStorage.getItem(KEY) || "{}");
      for (const name of KEPT) if (name in kept) this[name] = kept[name];
    } catch {
      localStorage.removeItem(KEY);
    }
  }

  /**
   * Change settings; emits "ui" with the name of each that has another value, "frame" for it.
   *
   * @param {Object<string, *>} values
   */
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      if (this[name] === value) continue;
      this[name] = value;
      if (name === "frame" && this.source) {
        this.frames = { ...this.frames, [this.source]: value };
      }
      this.bus.emit(name === "frame" ? "frame" : "ui", name === "frame" ? value : name);
    }
    this.#keepSoon();
  }

  #keepSoon() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.keep();
    }, 200);
  }

  /** Write the settings down now. */
  keep() {
    const kept = Object.fromEntries(KEPT.map((name) => [name, this[name]]));
    try {
      localStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // a browser that keeps nothing; the page works all the same
    }
  }
}
