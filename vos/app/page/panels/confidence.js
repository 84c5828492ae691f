"use strict";

import { byId } from "../core/dom.js";
import { unsureFrames } from "./frame_index.js";

export const SURE = 0.9;

export const MEANING = "Confidence is how little an object's mask depends on the threshold of the "
  + "labels that it was made from: 1 is not at all. Between two prompts these are the labels "
  + "merged from both directions. It ranks the frames and is no estimate of their error.";

/** The next unsure frame, and words on what confidence is. */
export class Confidence {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.visited = new Set();
    this.isExplained = false;
    byId("next-unsure").onclick = () => this.next();
    app.bus.on("source", () => this.visited.clear());
    app.bus.on("server:job", () => this.visited.clear());
    app.bus.on("drawn", () => this.#show());
    app.bus.on("index", () => this.#show());
  }

  /** Go to the least sure frame that has not been looked at yet. */
  next() {
    const { app } = this;
    const unsure = unsureFrames(app.index, SURE);
    if (!unsure.length) {
      app.messages.toast(app.index.hasMask.some(Boolean)
        ? `No unsure frame: each one is checked, has a prompt, or a confidence from ${SURE} on.`
        : "No masks yet. Mark an object and propagate first.");
      return;
    }
    const left = unsure.filter((one) => !this.visited.has(one));
    if (!left.length) this.visited.clear();
    const frame = (left.length ? left : unsure)[0];
    const values = Object.values(app.project.state.frame(frame).confidence || {});
    const confidence = Math.min(...values.filter((value) => value !== null));
    const rank = unsure.indexOf(frame) + 1;
    this.visited.add(frame);
    app.player.go(frame);
    app.messages.toast(`Frame ${frame}: confidence ${confidence.toFixed(2)}, unsure place `
      + `${rank} of ${unsure.length}.${this.#explanation()}`);
  }

  /** What confidence is, when it is spoken of for the first time. */
  #explanation() {
    if (this.isExplained) return "";
    this.isExplained = true;
    return ` ${MEANING}`;
  }

  #show() {
    const { project, view } = this.app;
    const entry = view.number === null ? null : project.state.frame(view.number);
    const object = project.state.object(this.app.ui.object);
    const text = byId("confidence");
    text.title = MEANING;
    if (!entry) {
      text.textContent = project.id ? "No mask on this frame" : "";
      return;
    }
    const values = Object.entries(entry.confidence || {}).filter(([, value]) => value !== null);
    const own = object && entry.confidence ? entry.confidence[object.id] : undefined;
    if (entry.origin === "prompt" || entry.origin === "edit") text.textContent = "Mask by prompt";
    else if (own !== undefined && own !== null) text.textContent = `Confidence ${own.toFixed(2)}`;
    else if (values.length) {
      const least = Math.min(...values.map(([, value]) => value));
      text.textContent = `Confidence ${least.toFixed(2)}`;
    } else text.textContent = entry.origin === "import" ? "Imported mask" : "";
  }
}
