"use strict";

import { byId } from "../core/dom.js";

const AHEAD = 16;

/** The cursor: moving it, playing, and the field with its number. */
export class Player {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.step = 1;
    this.returnTo = null; // the frame to go back to once the source is known to reach it
    const field = byId("frame-number");
    field.onchange = () => this.go(Number(field.value));
    field.addEventListener("keydown", (event) => event.key === "Enter" && field.blur());
    byId("first-frame").onclick = () => this.go(0);
    byId("last-frame").onclick = () => this.go(app.project.count - 1);
    byId("previous-frame").onclick = () => this.move(-1);
    byId("next-frame").onclick = () => this.move(1);
    byId("play").onclick = () => this.toggle();
    app.bus.on("frame", () => this.show());
    app.bus.on("source", () => this.show());
    app.bus.on("info", () => {
      this.show();
      if (this.returnTo !== null && app.project.count > this.returnTo) this.go(this.returnTo);
    });
    app.bus.on("ui", (name) => name === "playing" && this.#showPlaying());
  }

  /** Go to a frame, or the nearest that there is. */
  go(number) {
    this.stop();
    this.#set(number);
  }

  /** Go to where one was in a source whose frames may still be being counted. */
  resume(number) {
    this.go(number);
    const isCounted = this.app.project.info.count_is_exact;
    if (!isCounted && number >= this.app.project.count) this.returnTo = number;
  }

  /** Go some frames on or back. */
  move(frames) {
    this.go(this.app.ui.frame + frames);
  }

  /** Play from here, or from the start at the end; stop if it plays. */
  toggle() {
    const { app } = this;
    if (!app.project.id) return;
    if (app.ui.playing) {
      this.stop();
      return;
    }
    if (app.ui.frame >= app.project.count - 1) this.#set(0);
    app.ui.set({ playing: true });
    this.began = { at: performance.now(), frame: app.ui.frame };
    requestAnimationFrame(() => this.#tick());
  }

  /** Stop playing. */
  stop() {
    if (this.app.ui.playing) this.app.ui.set({ playing: false });
  }

  /** Keep to the clock: frames that have not come yet are left out. */
  #tick() {
    const { app } = this;
    if (!app.ui.playing) return;
    const passed = (performance.now() - this.began.at) / 1000;
    const last = app.project.count - 1;
    const due = Math.min(last, this.began.frame + Math.floor(passed * app.project.fps));
    let number = due;
    while (number > app.ui.frame && !app.frames.get(number)) number -= 1;
    if (number > app.ui.frame) this.#set(number);
    else if (due > app.ui.frame) app.frames.want(due, app.project.count, 1, AHEAD);
    if (app.ui.frame >= last) this.stop();
    else requestAnimationFrame(() => this.#tick());
  }

  #set(number) {
    const { app } = this;
    if (!app.project.id || !Number.isFinite(number)) {
      this.show();
      return;
    }
    this.returnTo = null;
    const frame = Math.min(app.project.count - 1, Math.max(0, Math.round(number)));
    if (frame !== app.ui.frame) this.step = frame > app.ui.frame ? 1 : -1;
    app.ui.set({ frame });
    this.want();
    this.show();
  }

  /** Load the frame under the cursor, and those around it with their masks. */
  want() {
    const { app } = this;
    const ahead = app.ui.playing ? AHEAD : undefined;
    app.frames.want(app.ui.frame, app.project.count, this.step, ahead);
    for (const number of app.frames.wanted.slice(0, 6)) {
      const entry = app.project.state.frame(number);
      if (entry && entry.mask) app.masks.get(entry.mask);
    }
  }

  /** Show the cursor's number, and what can be done. */
  show() {
    const { app } = this;
    const { count } = app.project;
    const field = byId("frame-number");
    field.max = String(count - 1);
    if (document.activeElement !== field || Number(field.value) !== app.ui.frame) {
      field.value = String(app.ui.frame);
    }
    const info = app.project.info || {};
    const more = info.count_is_exact === false ? "+" : "";
    byId("frame-count").textContent = app.project.id ? `of ${count}${more}` : "";
    for (const control of byId("transport").querySelectorAll("button, input")) {
      if (control.id !== "job-cancel") control.disabled = !app.project.id;
    }
  }

  #showPlaying() {
    const { playing } = this.app.ui;
    byId("play-icon").setAttribute("href", `icons.svg#${playing ? "pause" : "play"}`);
    byId("play").setAttribute("aria-label", playing ? "Stop" : "Play");
    byId("play").title = playing ? "Stop (Space)" : "Play (Space)";
    document.body.dataset.playing = String(playing);
    if (!playing) this.want();
  }
}
