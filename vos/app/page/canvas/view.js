"use strict";

import { byId } from "../core/dom.js";
import { Camera } from "./camera.js";
import { Layers } from "./layers.js";
import { drawItems } from "./marks.js";

/** The canvas: the frame under the cursor with its mask, points, and what a tool draws. */
export class View {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.canvas = byId("canvas");
    this.context = this.canvas.getContext("2d");
    this.camera = new Camera();
    this.layers = new Layers();
    this.shown = null; // {number, bitmap}: what is on the screen
    this.drawnMask = null; // {number, layer, digest}
    this.cutOut = document.createElement("canvas");
    this.scheduled = false;
    this.onDraw = null; // a tool draws over everything
    new ResizeObserver(() => this.#resize()).observe(this.canvas.parentElement);
    for (const name of ["frame", "loaded", "state", "pending", "ui"]) {
      app.bus.on(name, () => this.request());
    }
    app.bus.on("source", () => this.reset());
    byId("zoom-fit").onclick = () => this.fit();
    byId("zoom-in").onclick = () => this.zoom(1.25);
    byId("zoom-out").onclick = () => this.zoom(0.8);
  }

  /** Forget what is on the screen, for another source. */
  reset() {
    this.shown = null;
    this.drawnMask = null;
    this.camera.fitted = true;
    document.body.dataset.frame = "";
    document.body.dataset.mask = "";
    this.request();
  }

  /** @returns {?number} the number of the frame on the screen, which tools work on */
  get number() {
    return this.shown ? this.shown.number : null;
  }

  /** Show the whole frame. */
  fit() {
    this.camera.fitted = true;
    this.request();
  }

  /** Zoom by a factor around a point of the canvas, or its middle. */
  zoom(factor, x, y) {
    const room = this.#room();
    this.camera.zoom(factor, x ?? room.width / 2, y ?? room.height / 2);
    this.request();
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

  /**
   * The place in the frame of a mouse event; either half counts where two are shown.
   *
   * @param {MouseEvent} event
   */
  toFrame(event) {
    const box = this.canvas.getBoundingClientRect();
    const room = this.#room();
    let x = event.clientX - box.left;
    if (this.app.ui.sideBySide && x > room.width) x -= room.width;
    return this.camera.toFrame(x, event.clientY - box.top);
  }

  #resize() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    this.canvas.width = Math.round(clientWidth * devicePixelRatio);
    this.canvas.height = Math.round(clientHeight * devicePixelRatio);
    this.draw();
  }

  #room() {
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const width = this.app.ui.sideBySide ? clientWidth / 2 : clientWidth;
    return { width, height: clientHeight };
  }

  /** Draw now. */
  draw() {
    const { app, context } = this;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const bitmap = app.project.id ? app.frames.get(app.ui.frame) : null;
    if (bitmap) {
      this.shown = { number: app.ui.frame, bitmap };
      app.frames.pin(app.ui.frame);
    }
    if (!this.shown) return;
    const room = this.#room();
    if (this.camera.fitted) this.camera.fit(this.shown.bitmap, room);
    const layer = this.#layer();
    this.#drawHalf(0, room, layer, true);
    if (app.ui.sideBySide) this.#drawHalf(room.width, room, null, false);
    this.#tell(layer);
  }

  #drawHalf(left, room, layer, isMarked) {
    const { context, camera } = this;
    const { bitmap, number } = this.shown;
    context.save();
    context.beginPath();
    context.rect(left, 0, room.width, room.height);
    context.clip();
    context.translate(left + camera.left, camera.top);
    context.scale(camera.scale, camera.scale);
    context.imageSmoothingEnabled = camera.scale < 3;
    this.#drawPicture(bitmap, layer, isMarked);
    if (isMarked) {
      drawItems(context, camera.scale, this.app, number);
      if (this.onDraw) this.onDraw(context, camera.scale);
    }
    context.restore();
    if (left > 0) {
      context.fillStyle = getComputedStyle(document.body).getPropertyValue("--line");
      context.fillRect(left - 0.5, 0, 1, room.height);
    }
  }

  #drawPicture(bitmap, layer, isMarked) {
    const { context } = this;
    const view = isMarked ? this.app.ui.view : "overlay";
    if (view === "overlay" || view === "contour") {
      context.drawImage(bitmap, 0, 0);
      if (layer) context.drawImage(layer.picture, 0, 0, bitmap.width, bitmap.height);
      return;
    }
    context.fillStyle = view === "mask" ? "#000" : "#7d8087";
    context.fillRect(0, 0, bitmap.width, bitmap.height);
    if (!layer) return;
    if (view === "mask") context.drawImage(layer.picture, 0, 0, bitmap.width, bitmap.height);
    else context.drawImage(this.#cutOutOf(bitmap, layer), 0, 0);
  }

  #cutOutOf(bitmap, layer) {
    const canvas = this.cutOut;
    canvas.width = bitmap.width; // a new width clears it
    canvas.height = bitmap.height;
    const context = canvas.getContext("2d");
    context.drawImage(layer.picture, 0, 0, bitmap.width, bitmap.height);
    context.globalCompositeOperation = "source-in";
    context.drawImage(bitmap, 0, 0);
    return canvas;
  }

  /** The painted mask of the frame on the screen; while it is fetched, the one before it. */
  #layer() {
    const { app } = this;
    const { number } = this.shown;
    const entry = app.project.state.frame(number);
    if (!entry || !entry.mask) {
      this.drawnMask = null;
      return null;
    }
    const mask = app.masks.get(entry.mask);
    if (!mask) {
      return this.drawnMask && this.drawnMask.number === number ? this.drawnMask : null;
    }
    const colors = app.project.state.objects()
      .filter((object) => !object.hidden && !app.project.state.isRemoved(object.id, number))
      .map((object) => [object.id, object.color]);
    const { view, opacity } = app.ui;
    const style = { view, opacity, provisional: Boolean(entry.provisional), colors };
    this.drawnMask = { number, digest: entry.mask, picture: this.layers.get(mask, style) };
    return this.drawnMask;
  }

  #tell(layer) {
    const { dataset } = document.body;
    const number = String(this.shown.number);
    const changed = dataset.frame !== number;
    dataset.frame = number;
    dataset.mask = layer ? layer.digest : "";
    dataset.revision = String(this.app.project.state.revision);
    dataset.state = "ready";
    const { scale, left, top } = this.camera;
    Object.assign(this.canvas.dataset, { scale, left, top }); // for tests and assistive tools
    byId("zoom-fit").textContent = `${Math.round(this.camera.scale * 100)}%`;
    byId("side-label-left").hidden = !this.app.ui.sideBySide;
    byId("side-label-right").hidden = !this.app.ui.sideBySide;
    if (changed) this.app.bus.emit("drawn", this.shown.number);
  }
}
