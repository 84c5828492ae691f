"use strict";

import { api } from "../core/api.js";

const BYTES = 96e6;

/**
 * Write runs out as one value a pixel.
 *
 * @param {number[]} runs value, length, value, length, ...
 * @param {number} pixels
 * @returns {Uint8Array}
 */
export function expandRuns(runs, pixels) {
  const ids = new Uint8Array(pixels);
  let at = 0;
  for (let run = 0; run < runs.length; run += 2) {
    const end = at + runs[run + 1];
    if (runs[run] !== 0) ids.fill(runs[run], at, end);
    at = end;
  }
  return ids;
}

/** Masks by digest. A mask never changes, so it is fetched once while it is kept. */
export class Masks {
  /**
   * @param {import("../core/bus.js").Bus} bus
   * @param {(error: Error) => void} onError
   */
  constructor(bus, onError) {
    this.bus = bus;
    this.onError = onError;
    this.reset(null);
  }

  /** Drop everything, for another source. */
  reset(source) {
    this.source = source;
    this.masks = new Map();
    this.loads = new Set();
    this.failed = new Set();
    this.bytes = 0;
  }

  /**
   * A mask, or null while it is being fetched; "loaded" is emitted when it has come.
   *
   * @param {string} digest
   * @returns {?{width: number, height: number, ids: Uint8Array, digest: string}}
   */
  get(digest) {
    const mask = this.masks.get(digest);
    if (mask) {
      this.masks.delete(digest);
      this.masks.set(digest, mask);
      return mask;
    }
    if (!this.loads.has(digest) && !this.failed.has(digest)) this.#load(digest);
    return null;
  }

  async #load(digest) {
    const source = this.source;
    this.loads.add(digest);
    try {
      const { height, width, runs } = await api.mask(source, digest);
      if (source !== this.source) return;
      this.#keep({ digest, height, width, ids: expandRuns(runs, height * width) });
    } catch (error) {
      if (source !== this.source) return;
      if (error.status) this.failed.add(digest); // without an answer it is asked for again
      this.onError(error);
      return;
    } finally {
      this.loads.delete(digest);
    }
    this.bus.emit("loaded", null);
  }

  #keep(mask) {
    this.masks.set(mask.digest, mask);
    this.bytes += mask.ids.length;
    for (const [oldest, held] of this.masks) {
      if (this.bytes <= BYTES || oldest === mask.digest) break;
      this.masks.delete(oldest);
      this.bytes -= held.ids.length;
    }
  }
}
