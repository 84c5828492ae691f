"use strict";

import { api } from "../core/api.js";

const BITMAP_BYTES = 256e6;
const BLOB_BYTES = 128e6;
const AT_ONCE = 4; // a browser opens six connections to a server, one of them for events
const WINDOW = 8;

/** Frames of the open source by number: decoded ones and, behind them, their files. */
export class Frames {
  /**
   * @param {import("../core/bus.js").Bus} bus
   * @param {(error: Error, number: number) => void} onError
   */
  constructor(bus, onError) {
    this.bus = bus;
    this.onError = onError;
    this.wanted = [];
    this.loads = new Map();
    this.reset(null);
  }

  /** Drop everything, for another source. */
  reset(source) {
    for (const controller of this.loads.values()) controller.abort();
    this.loads = new Map();
    this.source = source;
    this.bitmaps = new Map(); // in the order of last use
    this.blobs = new Map();
    this.failed = new Map();
    this.blobBytes = 0;
    this.pinned = -1;
    this.wanted = [];
  }

  /**
   * A frame that is ready to be drawn, or null.
   *
   * @param {number} number
   * @returns {?ImageBitmap}
   */
  get(number) {
    const bitmap = this.bitmaps.get(number);
    if (!bitmap) return null;
    this.bitmaps.delete(number);
    this.bitmaps.set(number, bitmap);
    return bitmap;
  }

  /** Keep a frame while it is on the screen. */
  pin(number) {
    this.pinned = number;
  }

  /**
   * Load a frame and those around it; loads that are of no use any more are aborted.
   *
   * @param {number} number
   * @param {number} count frames of the source
   * @param {number} step 1 or -1, where the cursor is going
   * @param {number} [ahead] frames to load in that direction
   */
  want(number, count, step, ahead = WINDOW) {
    const wanted = [number];
    for (let away = 1; away <= ahead; away += 1) {
      wanted.push(number + away * step);
      if (away <= 2) wanted.push(number - away * step);
    }
    this.wanted = wanted.filter((one) => one >= 0 && one < count);
    if (this.failed.get(number)) this.failed.delete(number);
    const useful = new Set(this.wanted);
    for (const [one, controller] of this.loads) {
      if (!useful.has(one)) {
        controller.abort();
        this.loads.delete(one);
      }
    }
    this.#start();
  }

  #start() {
    for (const number of this.wanted) {
      if (this.loads.size >= AT_ONCE) return;
      if (this.bitmaps.has(number) || this.loads.has(number) || this.failed.has(number)) continue;
      this.#load(number);
    }
  }

  async #load(number) {
    const controller = new AbortController();
    const source = this.source;
    this.loads.set(number, controller);
    try {
      let blob = this.blobs.get(number);
      if (!blob) {
        blob = await api.frame(source, number, { signal: controller.signal });
        if (source === this.source) this.#keepBlob(number, blob);
      }
      const bitmap = await createImageBitmap(blob);
      if (source === this.source) this.#keepBitmap(number, bitmap);
    } catch (error) {
      if (error.name !== "AbortError" && source === this.source) {
        this.failed.set(number, error);
        this.onError(error, number);
      }
    } finally {
      if (this.loads.get(number) === controller) this.loads.delete(number);
    }
    if (source !== this.source) return;
    this.bus.emit("loaded", number);
    this.#start();
  }

  #keepBlob(number, blob) {
    this.blobs.set(number, blob);
    this.blobBytes += blob.size;
    for (const [oldest, held] of this.blobs) {
      if (this.blobBytes <= BLOB_BYTES || oldest === number) break;
      this.blobs.delete(oldest);
      this.blobBytes -= held.size;
    }
  }

  #keepBitmap(number, bitmap) {
    this.bitmaps.set(number, bitmap);
    const most = Math.max(12, Math.floor(BITMAP_BYTES / (4 * bitmap.width * bitmap.height)));
    for (const [oldest, held] of this.bitmaps) {
      if (this.bitmaps.size <= most) break;
      if (oldest === this.pinned || oldest === number) continue;
      this.bitmaps.delete(oldest);
      held.close();
    }
  }
}
