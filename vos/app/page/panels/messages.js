"use strict";

import { UNREACHABLE } from "../core/api.js";
import { byId, h } from "../core/dom.js";

const TOAST_MS = 6000;
const MOST_TOASTS = 4;

/** What the page says: short notes that go away, and errors that stay until they are closed. */
export class Messages {
  /** @param {import("../core/bus.js").Bus} bus */
  constructor(bus) {
    byId("error-close").onclick = () => this.clear();
    bus.on("connection", ({ up, again }) => this.#showConnection(up, again));
  }

  /**
   * Say something that needs no answer.
   *
   * @param {string} text
   */
  toast(text) {
    const box = byId("toasts");
    const same = [...box.children].find((one) => one.textContent === text);
    if (same) same.remove();
    const toast = h("div", { class: "toast", "data-testid": "toast", text });
    box.append(toast);
    while (box.children.length > MOST_TOASTS) box.firstChild.remove();
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  /**
   * Show an error until it is closed or another one comes.
   *
   * @param {string} text
   */
  error(text) {
    byId("error-text").textContent = text;
    byId("error-line").hidden = false;
  }

  /** Show a failure as a sentence. @param {Error} error */
  fail(error) {
    if (error.name === "AbortError") return;
    if (error.name !== "ApiError") console.error(error);
    this.error(error.name === "ApiError" ? error.message : `The page failed: ${error.message}.`);
  }

  /** Take the error away. */
  clear() {
    byId("error-line").hidden = true;
  }

  #showConnection(up, again) {
    const line = byId("connection-line");
    line.hidden = up;
    line.textContent = "The connection to the server is lost. What is shown stays; the page "
      + "tries again by itself. If `vos app` was stopped, start it again with --project.";
    document.body.dataset.connection = up ? "up" : "down";
    if (!up || !again) return;
    if (byId("error-text").textContent === UNREACHABLE) this.clear();
    this.toast("The connection to the server is back.");
  }
}
