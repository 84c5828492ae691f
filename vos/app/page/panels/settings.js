"use strict";

import { byId, h } from "../core/dom.js";

const VIEWS = [
  ["overlay", "Overlay"], ["contour", "Contour"], ["mask", "Mask"], ["cutout", "Cut-out"],
];

function segments(label, choices, onChoose) {
  const buttons = choices.map(([value, text, title]) => h("button", {
    id: `${label.toLowerCase()}-${value}`, class: "segment", type: "button", text,
    title, onclick: () => onChoose(value),
  }));
  const element = h("div", { class: "segments", role: "group", "aria-label": label }, ...buttons);
  const show = (chosen, isEnabled = true) => choices.forEach(([value], at) => {
    buttons[at].setAttribute("aria-pressed", String(value === chosen));
    buttons[at].disabled = !isEnabled;
  });
  return { element, show };
}

/**
 * How the frame is shown, and how prompts are propagated.
 *
 * @param {import("../main.js").App} app
 */
export function createSettings(app) {
  const view = segments("View", VIEWS, (value) => app.ui.set({ view: value }));
  const opacity = h("input", {
    id: "opacity", type: "range", min: 0, max: 1, step: 0.05, "aria-label": "Opacity",
    oninput: () => app.ui.set({ opacity: Number(opacity.value) }),
  });
  const opacityText = h("output", { class: "number", id: "opacity-text" });
  const opacityBox = h("label", { class: "row" }, h("span", { class: "label", text: "Opacity" }),
    opacity, opacityText);
  const beside = h("input", {
    id: "side-by-side", type: "checkbox",
    onchange: () => app.ui.set({ sideBySide: beside.checked }),
  });
  const change = (values) => app.project.change({ action: "set_settings", ...values });
  const mode = segments("Mode", [
    ["adaptive", "Adaptive", "Follows the object by a model of it: better masks"],
    ["protocol", "Protocol", "The published propagation, for comparisons"],
  ], (value) => change({ mode: value }));
  const direction = segments("Direction", [
    ["both", "Both", "From each prompt to both sides; between two prompts they meet"],
    ["forward", "Forward", "From each prompt on, until the next one"],
  ], (value) => change({ direction: value }));
  const field = (text, element) => h("div", { class: "row" },
    h("span", { class: "label wide", text }), element);
  byId("inspector").append(
    h("section", { class: "section" }, h("h2", { text: "View" }), view.element, opacityBox,
      h("label", { class: "check" }, beside, h("span", { text: "Unmarked frame beside it" }))),
    h("section", { class: "section" }, h("h2", { text: "Propagation" }),
      field("Mode", mode.element), field("Direction", direction.element)),
  );
  const show = () => {
    view.show(app.ui.view);
    opacity.value = app.ui.opacity;
    opacity.disabled = app.ui.view !== "overlay";
    opacityText.textContent = `${Math.round(app.ui.opacity * 100)} %`;
    beside.checked = app.ui.sideBySide;
    const settings = app.project.state.settings();
    mode.show(settings.mode, Boolean(app.project.id));
    direction.show(settings.direction, Boolean(app.project.id));
  };
  app.bus.on("ui", show);
  app.bus.on("state", (keys) => (keys === null || keys.has("settings")) && show());
  show();
}
