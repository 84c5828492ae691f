"use strict";

import { byId, h } from "../core/dom.js";

const STATES = { open: "open", closed: "not opened yet", error: "cannot be opened" };

/** The list of sources at the left. */
export class Sources {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = [];
    byId("toggle-sources").onclick = () => app.ui.set({ sourcesShown: !this.isShown });
    app.bus.on("ui", (name) => name === "sourcesShown" && this.show());
    app.bus.on("source", () => this.show());
    app.bus.on("info", (info) => this.#showFacts(info));
    app.bus.on("server:source", (data) => {
      const one = this.list.find((source) => source.id === data.source);
      if (!one) return;
      if (data.error) Object.assign(one, { status: "error", error: data.error });
      if ("least_sure" in data) one.least_sure = data.least_sure;
      this.show();
    });
  }

  /** Whether the panel is to be seen. */
  get isShown() {
    const hasError = this.list.some((source) => source.status === "error");
    return this.app.ui.sourcesShown ?? (hasError || this.list.length > 1);
  }

  /** Take over the session's list; those of a batch come least sure first. */
  set(list) {
    const sure = (source) => source.least_sure ?? 2;
    this.list = [...list].sort((a, b) => sure(a) - sure(b));
    this.show();
  }

  /** Draw the list. */
  show() {
    const { project } = this.app;
    byId("sources-panel").hidden = !this.isShown;
    byId("toggle-sources").setAttribute("aria-pressed", String(this.isShown));
    const rows = this.list.map((source) => this.#row(source));
    const none = h("li", { class: "muted none", text: "No source yet." });
    byId("sources-list").replaceChildren(...(rows.length ? rows : [none]));
    if (project.info) this.#showFacts(project.info);
  }

  #row(source) {
    const isOpen = source.id === this.app.project.id;
    const status = source.status === "error" ? "error" : isOpen ? "open" : source.status;
    const sure = source.least_sure === null || source.least_sure === undefined
      ? "" : source.least_sure.toFixed(2);
    return h("li", {}, h("button", {
      class: "source", type: "button", "data-testid": "source", "data-source": source.id,
      "aria-current": isOpen ? "true" : null, title: source.error || STATES[status] || "",
      onclick: () => this.app.openSource(source.id).catch((error) => {
        this.app.messages.fail(error);
      }),
    }, h("span", { class: `status-dot ${status}` }),
    h("span", { class: "grow", text: source.name }),
    h("span", {
      class: "muted number", text: sure, title: sure && "The least confidence of its frames",
    })), source.error ? h("p", { class: "source-error", text: source.error }) : null);
  }

  #showFacts(info) {
    byId("source-name").textContent = info.name;
    document.title = `${info.name} - vos`;
    const frames = info.count === null || info.count === undefined
      ? "counting frames…" : `${info.count}${info.count_is_exact ? "" : "+"} frames`;
    const fps = info.fps ? `, ${Number(Number(info.fps).toFixed(2))} fps` : "";
    byId("source-facts").textContent = `${info.width} × ${info.height}, ${frames}${fps}`;
  }
}
