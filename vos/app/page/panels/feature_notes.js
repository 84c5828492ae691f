"use strict";

import { api } from "../core/api.js";
import { byId, h } from "../core/dom.js";

const SETTLED_MS = 120; // frames that are only passed are not announced
const LATE_MS = 300; // until it is said that a frame has not come yet

/**
 * Tell the server which frame is on the screen, and say while its features are computed.
 *
 * @param {import("../main.js").App} app
 */
export function createFeatureNotes(app) {
  const states = new Map(); // frame -> {state, error}
  let timer = null;
  let late = null;

  const show = () => {
    const { number } = app.view;
    const known = number === null ? null : states.get(number);
    const entry = number === null ? null : app.project.state.frame(number);
    const notes = [];
    if (app.project.id && number !== app.ui.frame && late === null && !app.ui.playing) {
      notes.push(app.frames.failed.has(app.ui.frame)
        ? `Frame ${app.ui.frame} cannot be shown.${number === null ? "" : ` This is ${number}.`}`
        : `Loading frame ${app.ui.frame}…`);
    }
    if (known && known.state === "computing") notes.push("Computing the features of this frame…");
    if (known && known.state === "failed") {
      notes.push(known.error || "The features of this frame could not be computed.");
    }
    if (entry && entry.provisional) notes.push("Provisional mask; the final one follows.");
    document.body.dataset.features = known ? known.state : "";
    document.body.dataset.provisional = String(Boolean(entry && entry.provisional));
    byId("notes").replaceChildren(...notes.map((text) => h("p", { text })));
  };

  const announce = async () => {
    if (app.ui.playing || app.view.number === null) return;
    try {
      await api.show(app.project.id, app.view.number);
    } catch (error) {
      app.messages.fail(error);
    }
  };

  const wait = () => {
    clearTimeout(late);
    late = setTimeout(() => {
      late = null;
      show();
    }, LATE_MS);
  };

  app.bus.on("source", () => states.clear());
  app.bus.on("frame", wait);
  app.bus.on("loaded", (number) => number === app.ui.frame && late === null && show());
  app.bus.on("drawn", () => {
    show();
    clearTimeout(timer);
    timer = setTimeout(announce, SETTLED_MS);
  });
  app.bus.on("ui", (name) => name === "playing" && !app.ui.playing && announce());
  app.bus.on("state", show);
  app.bus.on("server:features", (data) => {
    if (data.source !== app.project.id) return;
    states.set(data.frame, { state: data.state, error: data.error });
    show();
  });
}
