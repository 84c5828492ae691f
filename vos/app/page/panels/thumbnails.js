"use strict";

import { api } from "../core/api.js";

const HEIGHT = 64; // what the server is asked for
const MOST = 400;
const WAIT_MS = 120; // so that zooming and the first frame are not held up

/** Small pictures of frames for the timeline, one at a time, after the frames themselves. */
export class Thumbnails {
  /** @param {() => void} onLoad */
  constructor(onLoad) {
    this.onLoad = onLoad;
    this.reset(null);
  }

  /** Drop everything, for another source. */
  reset(source) {
    if (this.controller) this.controller.abort();
    this.source = source;
    this.pictures = new Map();
    this.wanted = [];
    this.isLoading = false;
    this.controller = new AbortController();
  }

  /**
   * A thumbnail that is there, or null.
   *
   * @param {number} frame
   * @returns {?ImageBitmap}
   */
  get(frame) {
    return this.pictures.get(frame) || null;
  }

  /** Load these frames' thumbnails, in this order. @param {number[]} frames */
  want(frames) {
    this.wanted = frames.filter((frame) => !this.pictures.has(frame));
    if (!this.isLoading && this.wanted.length) {
      this.isLoading = true;
      setTimeout(() => this.#load(), WAIT_MS);
    }
  }

  async #load() {
    const { source } = this;
    const { signal } = this.controller;
    while (this.wanted.length && source === this.source) {
      const frame = this.wanted.shift();
      let picture = null;
      try {
        const blob = await api.frame(source, frame, { height: HEIGHT, signal });
        picture = await createImageBitmap(blob);
      } catch {
        picture = null; // the frame itself tells what is wrong with it, when it is shown
      }
      if (source !== this.source) return;
      this.pictures.set(frame, picture);
      if (this.pictures.size > MOST) this.pictures.delete(this.pictures.keys().next().value);
      this.onLoad();
    }
    if (source === this.source) this.isLoading = false;
  }
}
