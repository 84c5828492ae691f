"use strict";

import { api } from "./api.js";
import { State } from "./state.js";

const GAP_MS = 2000;
const MOST_RESYNCS = 3; // in a row, before a server that leaves numbers out is believed

/** The source that is open: what is known of it, its state, and every change of it. */
export class Project {
  /**
   * @param {import("./bus.js").Bus} bus
   * @param {import("../panels/messages.js").Messages} messages
   */
  constructor(bus, messages) {
    this.bus = bus;
    this.messages = messages;
    this.info = null;
    this.state = new State();
    this.undoLabel = null;
    this.redoLabel = null;
    this.stale = [];
    this.pending = []; // items that the server has not answered yet: {frame, object, item}
    this.queue = Promise.resolve();
    this.resyncs = 0;
    this.adding = null; // the object that is being added, which items wait for
    bus.on("server:changed", (data) => data.source === this.id && this.#take(data));
    bus.on("server:source", (data) => data.source === this.id && this.#takeInfo(data));
    bus.on("connection", ({ up, again }) => up && again && this.resync());
  }

  /** @returns {string|null} */
  get id() {
    return this.info ? this.info.id : null;
  }

  /** @returns {number} frames known by now, at least one */
  get count() {
    return Math.max(1, (this.info && this.info.count) || 1);
  }

  /** @returns {number} frames a second */
  get fps() {
    return (this.info && Number(this.info.fps)) || 25;
  }

  /**
   * Open a source. Rejects with an ApiError; the one that was open stays then.
   *
   * @param {string} id
   */
  async open(id) {
    const info = await api.source(id);
    this.info = { ...info, id };
    this.state = new State();
    this.pending = [];
    this.adding = null;
    this.resyncs = 0;
    this.#takeWhole(info);
    this.bus.emit("source", this.info);
    this.bus.emit("state", null);
  }

  /** Fetch the whole state again, after events were missed. */
  async resync() {
    const id = this.id;
    if (!id) return;
    try {
      const info = await api.source(id);
      if (this.id !== id) return;
      this.info = { ...this.info, ...info, id };
      this.#takeWhole(info);
      this.bus.emit("info", this.info);
      this.bus.emit("state", null);
    } catch (error) {
      this.messages.fail(error);
    }
  }

  /**
   * Make a change, after those before it. A failure is shown.
   *
   * @param {Object<string, *>} action
   * @returns {Promise<object|null>} the action's result, or null when it failed
   */
  change(action) {
    const id = this.id;
    return this.#inTurn(() => api.change(id, action));
  }

  /**
   * Make a mask file the prompt of a frame.
   *
   * @param {number} frame
   * @param {File} file
   * @param {{object: ?number, snap: boolean}} options
   */
  importMask(frame, file, options) {
    const id = this.id;
    return this.#inTurn(() => api.importMask(id, frame, file, options));
  }

  /**
   * Add an item to a prompt; it is shown as pending until the server has answered.
   *
   * @param {number} frame
   * @param {?number} object null: an object that is added first
   * @param {object} item
   * @returns {Promise<?number>} the object, or null when it failed
   */
  async addItem(frame, object, item) {
    const entry = { frame, object, item };
    this.pending.push(entry);
    this.bus.emit("pending");
    try {
      if (entry.object === null || this.adding) {
        entry.object = await (this.adding || this.addObject());
        if (entry.object === null) return null;
      }
      const result = await this.change({
        action: "add_item", frame, object: entry.object, item,
      });
      return result ? entry.object : null;
    } finally {
      this.pending = this.pending.filter((one) => one !== entry);
      this.bus.emit("pending");
    }
  }

  /**
   * Add an object. What is drawn before the server has answered is for it.
   *
   * @returns {Promise<?number>} the object, or null when it failed
   */
  addObject() {
    const adding = this.change({ action: "add_object" })
      .then((result) => (result ? result.object : null))
      .finally(() => {
        if (this.adding === adding) this.adding = null;
      });
    this.adding = adding;
    return adding;
  }

  async #inTurn(send) {
    const before = this.queue;
    let release;
    this.queue = new Promise((resolve) => (release = resolve));
    const state = this.state;
    await before;
    try {
      const answer = await send();
      if (state === this.state) this.#take(answer);
      return answer.result || {};
    } catch (error) {
      this.messages.fail(error);
      return null;
    } finally {
      release();
    }
  }

  #takeWhole(info) {
    this.state.replace(info.revision, info.state);
    this.#takeHistory(info, info.revision);
  }

  #take(data) {
    const keys = this.state.apply(data.revision, data.changed);
    this.#takeHistory(data, data.revision);
    this.bus.emit("state", keys);
    if (this.state.isMissingSome) setTimeout(() => this.#fillGap(this.state), GAP_MS);
    else this.resyncs = 0;
  }

  #fillGap(state) {
    if (state !== this.state || !state.isMissingSome || this.resyncs >= MOST_RESYNCS) return;
    this.resyncs += 1;
    this.resync();
  }

  #takeHistory(data, revision) {
    if (revision < this.state.revision) return;
    this.undoLabel = data.undo ?? null;
    this.redoLabel = data.redo ?? null;
    this.stale = data.stale || [];
  }

  #takeInfo(data) {
    const { source: _, ...fields } = data;
    this.info = { ...this.info, ...fields };
    if (fields.error) this.messages.error(fields.error);
    this.bus.emit("info", this.info);
  }
}
