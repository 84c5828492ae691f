"use strict";

import { byId } from "../core/dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const TEXT = { auto: "as the system", light: "light", dark: "dark" };

/**
 * Light, dark, or as the system is set.
 *
 * @param {import("../main.js").App} app
 */
export function createTheme(app) {
  const button = byId("toggle-theme");
  const show = () => {
    document.documentElement.dataset.theme = app.ui.theme;
    button.title = `Colours: ${TEXT[app.ui.theme]}`;
    button.setAttribute("aria-label", button.title);
    app.bus.emit("theme");
  };
  button.onclick = () => app.ui.set({ theme: NEXT[app.ui.theme] || "auto" });
  app.bus.on("ui", (name) => name === "theme" && show());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    app.bus.emit("theme");
  });
  show();
}
