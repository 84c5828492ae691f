"use strict";

import { byId } from "../core/dom.js";
import { Thumbnails } from "./thumbnails.js";
import { drawHead, drawRows, GUTTER, HEAD, ROW } from "./timeline_paint.js";

const LEAST_SPAN = 12; // frames, at the closest zoom
const EDGE = 24; // pixels at the ends where dragging scrolls

/** The timeline: all frames, what is on them, and the cursor. */
export class Timeline {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.element = byId("timeline");
    this.head = byId("timeline-head");
    this.rows = byId("timeline-rows");
    this.cursor = byId("timeline-cursor");
    this.first = 0; // frame at the left edge, with a fraction
    this.span = 1; // frames shown
    this.whole = true;
    this.scheduled = false;
    this.drag = null;
    this.thumbnails = new Thumbnails(() => this.request());
    new ResizeObserver(() => this.request()).observe(this.element);
    for (const name of ["index", "theme", "features"]) app.bus.on(name, () => this.request());
    app.bus.on("ui", (name) => ["object", "range"].includes(name) && this.request());
    app.bus.on("frame", () => this.#follow());
    app.bus.on("info", () => this.request());
    app.bus.on("source", () => this.reset());
    this.#listen();
  }

  /** Show the whole of another source. */
  reset() {
    this.thumbnails.reset(this.app.project.id);
    this.all();
  }

  /** Show the whole video. */
  all() {
    this.whole = true;
    this.request();
  }

  /** Zoom by a factor around a frame, or the cursor. */
  zoom(factor, around = this.app.ui.frame + 0.5) {
    const { count } = this.app.project;
    const span = Math.min(count, Math.max(Math.min(LEAST_SPAN, count), this.span * factor));
    this.first = around - ((around - this.first) * span) / this.span;
    this.span = span;
    this.whole = span >= count;
    this.#keepInside();
    this.request();
  }

  /** @returns {number} width of the part with frames, in pixels */
  get width() {
    return Math.max(1, this.element.clientWidth - GUTTER - 8);
  }

  /** The middle of a frame in pixels from the left edge. */
  xOf(frame) {
    return GUTTER + ((frame - this.first) / this.span) * this.width;
  }

  /** The frame, with a fraction, at pixels from the left edge. */
  frameAt(x) {
    return this.first + ((x - GUTTER) / this.width) * this.span;
  }

  /** Draw soon. */
  request() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  /** Draw now. */
  draw() {
    const { app } = this;
    this.element.classList.toggle("without-source", !app.project.id);
    if (!app.project.id) return;
    if (this.whole) {
      this.first = 0;
      this.span = app.project.count;
    }
    const objects = app.project.state.objects();
    const width = this.element.clientWidth;
    drawHead(size(this.head, width, HEAD), this, width);
    drawRows(size(this.rows, width, Math.max(1, objects.length) * ROW + 4), this, width, objects);
    this.#placeCursor();
  }

  #placeCursor() {
    const { app } = this;
    const left = this.xOf(app.ui.frame);
    const width = Math.max(2, this.width / this.span);
    const isSeen = left + width > GUTTER && left < GUTTER + this.width + 1;
    this.cursor.style.transform = `translateX(${left}px)`;
    this.cursor.style.width = `${width}px`;
    this.cursor.hidden = !isSeen || !app.project.id;
    this.element.setAttribute("aria-valuemax", String(app.project.count - 1));
    this.element.setAttribute("aria-valuenow", String(app.ui.frame));
    this.element.setAttribute("aria-valuetext", `Frame ${app.ui.frame}`);
  }

  #follow() {
    const { frame } = this.app.ui;
    if (!this.whole && (frame < this.first || frame >= this.first + this.span)) {
      this.first = frame - this.span / (frame < this.first ? 1.1 : 10);
      this.#keepInside();
      this.request();
    }
    this.#placeCursor();
  }

  #keepInside() {
    const most = this.app.project.count - this.span;
    this.first = Math.max(0, Math.min(most, this.first));
  }

  #listen() {
    const { element } = this;
    byId("timeline-all").onclick = () => this.all();
    byId("timeline-in").onclick = () => this.zoom(0.5);
    byId("timeline-out").onclick = () => this.zoom(2);
    element.addEventListener("pointerdown", (event) => {
      if (!this.app.project.id || event.button !== 0) return;
      const x = this.#x(event);
      if (x < GUTTER) {
        this.#chooseRow(event);
        return;
      }
      element.setPointerCapture(event.pointerId);
      const start = this.#whole(x);
      this.drag = { start, isRange: event.shiftKey };
      this.#move(event);
    });
    element.addEventListener("pointermove", (event) => this.drag && this.#move(event));
    const stop = () => (this.drag = null);
    element.addEventListener("pointerup", stop);
    element.addEventListener("pointercancel", stop);
    element.addEventListener("wheel", (event) => {
      if (!this.app.project.id) return;
      const isOverflowing = event.target.closest("#timeline-rows-box")
        && byId("timeline-rows-box").scrollHeight > byId("timeline-rows-box").clientHeight + 1;
      if (isOverflowing && this.#x(event) < GUTTER) return;
      event.preventDefault();
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (sideways) {
        this.first += (sideways / this.width) * this.span;
        this.#keepInside();
        this.request();
      } else {
        this.zoom(1.25 ** (event.deltaY / 100), this.frameAt(this.#x(event)));
      }
    }, { passive: false });
  }

  #x(event) {
    return event.clientX - this.element.getBoundingClientRect().left;
  }

  #whole(x) {
    const frame = Math.floor(this.frameAt(x));
    return Math.min(this.app.project.count - 1, Math.max(0, frame));
  }

  #move(event) {
    const x = this.#x(event);
    if (!this.whole && (x < GUTTER + EDGE || x > GUTTER + this.width - EDGE)) {
      this.first += (x < GUTTER + EDGE ? -1 : 1) * this.span * 0.01;
      this.#keepInside();
      this.request();
    }
    const frame = this.#whole(x);
    if (this.drag.isRange) {
      this.app.ui.set({ range: [this.drag.start, frame].sort((a, b) => a - b) });
    }
    this.app.player.go(frame);
  }

  #chooseRow(event) {
    const box = this.rows.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / ROW);
    const object = this.app.project.state.objects()[row];
    if (object && event.clientY >= box.top) this.app.objects.choose(object.id);
  }
}

function size(canvas, width, height) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}
