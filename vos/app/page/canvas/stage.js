"use strict";

import { byId } from "../core/dom.js";

/**
 * Give the mouse on the canvas to the chosen tool, or let it move and zoom the frame.
 *
 * @param {import("../main.js").App} app
 * @returns {{spaceDown: () => void, spaceUp: () => boolean, isDown: () => boolean}}
 */
export function createStage(app) {
  const { canvas } = app.view;
  const space = { down: false, moved: false };
  let pan = null;

  canvas.addEventListener("mousedown", (event) => event.preventDefault()); // takes no focus
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    if (!app.project.id) return;
    if (document.activeElement) document.activeElement.blur(); // keys are for the frame now
    canvas.setPointerCapture(event.pointerId);
    if (space.down || event.button === 1) {
      event.preventDefault();
      space.moved = true;
      pan = { x: event.clientX, y: event.clientY };
      byId("stage").classList.add("panning");
      return;
    }
    app.player.stop();
    if (app.view.number !== null) app.toolbox.current.down(app.view.toFrame(event), event);
    app.view.request();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (pan) {
      app.view.camera.pan(event.clientX - pan.x, event.clientY - pan.y);
      pan = { x: event.clientX, y: event.clientY };
      app.view.request();
      return;
    }
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of events.length ? events : [event]) {
      app.toolbox.current.move(app.view.toFrame(one), one);
    }
    app.view.request();
  });
  const up = (event) => {
    if (pan) {
      pan = null;
      byId("stage").classList.remove("panning");
      return;
    }
    if (event.type === "pointercancel") app.toolbox.current.cancel();
    else app.toolbox.current.up(app.view.toFrame(event), event);
    app.view.request();
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => {
    app.toolbox.current.leave();
    app.view.request();
  });
  canvas.addEventListener("dblclick", () => app.toolbox.current.finish());
  canvas.addEventListener("wheel", (event) => wheel(app, event), { passive: false });

  return {
    isDown: () => space.down,
    spaceDown() {
      space.down = true;
      space.moved = false;
      byId("stage").classList.add("pan-ready");
    },
    spaceUp() {
      space.down = false;
      byId("stage").classList.remove("pan-ready");
      return space.moved;
    },
  };
}

function wheel(app, event) {
  if (!app.project.id) return;
  event.preventDefault();
  const steps = event.deltaY / (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 100 : 3);
  if (!event.ctrlKey && app.toolbox.current.hasSize) {
    app.toolbox.resize(1.15 ** -steps);
    return;
  }
  const box = app.view.canvas.getBoundingClientRect();
  let x = event.clientX - box.left;
  if (app.ui.sideBySide && x > box.width / 2) x -= box.width / 2;
  app.view.zoom(1.2 ** -steps, x, event.clientY - box.top);
}
