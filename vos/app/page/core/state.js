"use strict";

/**
 * The state of a source: flat keys and JSON values, as the server has them.
 *
 * Answers to changes and events reach the page in any order; each key keeps the revision that it
 * was last set by, so that an older one never overwrites a newer one.
 */
export class State {
  constructor() {
    this.values = new Map();
    this.revisions = new Map();
    this.revision = 0;
    this.seen = new Set(); // revisions after the last one before which none is missing
    this.complete = 0;
  }

  /** @param {string} key */
  get(key) {
    return this.values.get(key);
  }

  /**
   * Take over changes of one revision.
   *
   * @param {number} revision
   * @param {Object<string, *>} changed null takes a key away
   * @returns {Set<string>} the keys that have another value now
   */
  apply(revision, changed) {
    const keys = new Set();
    for (const [key, value] of Object.entries(changed)) {
      if ((this.revisions.get(key) ?? -1) >= revision) continue;
      this.revisions.set(key, revision);
      if (value === null) this.values.delete(key);
      else this.values.set(key, value);
      keys.add(key);
    }
    this.revision = Math.max(this.revision, revision);
    if (revision > this.complete) this.seen.add(revision);
    while (this.seen.delete(this.complete + 1)) this.complete += 1;
    return keys;
  }

  /**
   * Take over a whole state; what newer changes have set meanwhile stays.
   *
   * @param {number} revision
   * @param {Object<string, *>} state
   */
  replace(revision, state) {
    const newer = [...this.revisions].filter(([, at]) => at > revision);
    const kept = newer.map(([key, at]) => [key, at, this.values.get(key)]);
    this.values = new Map(Object.entries(state));
    this.revisions = new Map();
    for (const [key, at, value] of kept) {
      this.revisions.set(key, at);
      if (value === undefined) this.values.delete(key);
      else this.values.set(key, value);
    }
    this.revision = Math.max(revision, ...kept.map(([, at]) => at));
    this.complete = revision;
    for (const one of [...this.seen]) if (one <= revision) this.seen.delete(one);
    while (this.seen.delete(this.complete + 1)) this.complete += 1;
  }

  /** @returns {boolean} whether a revision has not arrived while a later one has */
  get isMissingSome() {
    return this.seen.size > 0;
  }

  /** @returns {{id: number, name: string, color: number[], hidden: boolean, locked: boolean}[]} */
  objects() {
    const list = [];
    for (let id = 1; id < 255; id += 1) {
      const value = this.values.get(`objects/${id}`);
      if (value) list.push({ id, ...value });
    }
    return list;
  }

  /** @param {number} id */
  object(id) {
    const value = this.values.get(`objects/${id}`);
    return value ? { id, ...value } : null;
  }

  /**
   * The prompt of one object on one frame.
   *
   * @param {number} frame
   * @param {number} object
   */
  prompt(frame, object) {
    return this.values.get(`prompts/${frame}/${object}`) || null;
  }

  /** @param {number} frame */
  frame(frame) {
    return this.values.get(`frames/${frame}`) || null;
  }

  /**
   * Whether an object has been deleted on a frame, whatever its mask there holds.
   *
   * @param {number} object
   * @param {number} frame
   */
  isRemoved(object, frame) {
    const ranges = this.values.get(`removed/${object}`) || [];
    return ranges.some(([first, last]) => first <= frame && frame <= last);
  }

  /** @returns {{mode: string, direction: string}} */
  settings() {
    return { mode: "adaptive", direction: "both", ...this.values.get("settings") };
  }
}
