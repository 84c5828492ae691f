"use strict";

/**
 * What the timeline needs of every frame, in arrays by frame number, kept up to date as keys
 * change: so that drawing 200,000 frames reads no JSON.
 */
export class FrameIndex {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.clear();
    app.bus.on("state", (keys) => this.#take(keys));
  }

  /** Forget everything. */
  clear() {
    this.size = 0;
    this.presence = new Map(); // object -> Uint8Array: 0 absent, else 1 + 254 * confidence
    this.least = new Uint8Array(0); // 0: no mask; else 1 + 254 * the least confidence
    this.checked = new Uint8Array(0);
    this.prompts = new Map(); // frame -> set of objects
    this.hasMask = new Uint8Array(0);
  }

  /** Frames with a prompt, in their order. */
  promptFrames() {
    return [...this.prompts.keys()].sort((a, b) => a - b);
  }

  #grow(frame) {
    if (frame < this.size) return;
    const size = Math.max(this.app.project.count, frame + 1, Math.ceil(this.size * 1.5));
    const larger = (old) => {
      const array = new Uint8Array(size);
      array.set(old);
      return array;
    };
    this.least = larger(this.least);
    this.checked = larger(this.checked);
    this.hasMask = larger(this.hasMask);
    for (const [object, array] of this.presence) this.presence.set(object, larger(array));
    this.size = size;
  }

  #take(keys) {
    const { state } = this.app.project;
    if (keys === null) this.clear();
    for (const key of keys || state.values.keys()) {
      const [kind, number, object] = key.split("/");
      if (kind === "frames") this.#takeFrame(Number(number), state.get(key));
      else if (kind === "checked") this.#takeChecked(Number(number), state.get(key));
      else if (kind === "prompts") this.#takePrompt(Number(number), Number(object), state.get(key));
    }
    this.app.bus.emit("index");
  }

  #takeFrame(frame, entry) {
    this.#grow(frame);
    let least = 2;
    for (const array of this.presence.values()) array[frame] = 0;
    for (const [id, area] of Object.entries((entry && entry.areas) || {})) {
      if (!area) continue;
      const confidence = entry.confidence ? entry.confidence[id] : undefined;
      this.#presenceOf(Number(id))[frame] = 1 + Math.round(254 * clamp(confidence ?? 1));
      if (confidence !== undefined && confidence !== null) least = Math.min(least, confidence);
    }
    for (const value of Object.values((entry && entry.confidence) || {})) {
      if (value !== null) least = Math.min(least, value); // also of an object that was lost
    }
    this.hasMask[frame] = entry ? 1 : 0;
    this.least[frame] = least > 1 ? 0 : 1 + Math.round(254 * clamp(least));
  }

  #takeChecked(frame, value) {
    this.#grow(frame);
    this.checked[frame] = value ? 1 : 0;
  }

  #takePrompt(frame, object, value) {
    this.#grow(frame);
    const objects = this.prompts.get(frame) || new Set();
    if (value) objects.add(object);
    else objects.delete(object);
    if (objects.size) this.prompts.set(frame, objects);
    else this.prompts.delete(frame);
  }

  #presenceOf(object) {
    if (!this.presence.has(object)) this.presence.set(object, new Uint8Array(this.size));
    return this.presence.get(object);
  }
}

function clamp(value) {
  return Math.min(1, Math.max(0, value));
}

/**
 * Frames by how unsure their masks are, the least sure first. Of frames near one another only
 * the least sure is given; checked and prompted ones are left out.
 *
 * @param {FrameIndex} index
 * @param {number} limit confidence from which a frame counts as sure
 * @param {number} [most]
 * @returns {number[]}
 */
export function unsureFrames(index, limit, most = 20) {
  const bound = 1 + Math.round(254 * limit);
  const found = [];
  for (let frame = 0; frame < index.size; frame += 1) {
    const value = index.least[frame];
    if (value === 0 || value >= bound || index.checked[frame] || index.prompts.has(frame)) continue;
    found.push(frame);
  }
  found.sort((a, b) => index.least[a] - index.least[b] || a - b);
  const apart = Math.max(3, Math.round(index.size / 100));
  const chosen = [];
  for (const frame of found) {
    if (chosen.length >= most) break;
    if (chosen.every((one) => Math.abs(one - frame) > apart)) chosen.push(frame);
  }
  return chosen;
}
