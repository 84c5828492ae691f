"use strict";

import { byId, cssColor, h, icon, iconButton } from "../core/dom.js";
import { createDetails } from "./object_details.js";

/** The list of objects, and what can be done with the chosen one. */
export class Objects {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { id: "objects", class: "list objects", "aria-label": "Objects" });
    this.details = createDetails(app);
    byId("inspector").append(h("section", { class: "section" },
      h("div", { class: "section-head" }, h("h2", { text: "Objects" }),
        h("button", {
          id: "add-object", class: "button small", type: "button", title: "Add an object",
          onclick: () => this.add(),
        }, icon("plus"), "Add")),
      this.list), this.details.element);
    app.bus.on("state", (keys) => {
      if (keys === null || [...keys].some((key) => /^(objects|prompts|removed)\//.test(key))) {
        this.show();
      }
    });
    app.bus.on("ui", (name) => ["object", "range"].includes(name) && this.show());
    app.bus.on("drawn", () => this.details.show());
  }

  /** Add an object and choose it. */
  async add() {
    if (!this.app.project.id) return;
    const id = await this.app.project.addObject();
    if (id !== null) this.app.ui.set({ object: id });
  }

  /**
   * Choose an object.
   *
   * @param {number} id
   */
  choose(id) {
    if (this.app.project.state.object(id)) this.app.ui.set({ object: id });
    else if (this.app.project.id) this.app.messages.toast(`There is no object ${id}.`);
  }

  /** Draw the list. */
  show() {
    const { project, ui } = this.app;
    const objects = project.state.objects();
    byId("add-object").disabled = !project.id;
    if (objects.length && !project.state.object(ui.object)) {
      ui.set({ object: objects[0].id });
      return;
    }
    const focused = document.activeElement && document.activeElement.dataset.testid;
    const rows = objects.map((object) => this.#row(object));
    const none = h("li", { class: "muted none", text: project.id
      ? "None yet. Click on something in the frame, or add one." : "No source is open." });
    this.list.replaceChildren(...(rows.length ? rows : [none]));
    if (focused) this.list.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
    this.details.show();
  }

  #row(object) {
    const { id, name, color, hidden, locked } = object;
    const edit = (values) => this.app.project.change({
      action: "edit_object", object: id, ...values,
    });
    const swatch = h("span", { class: "swatch" });
    swatch.style.background = cssColor(color);
    const isChosen = id === this.app.ui.object;
    const button = h("button", {
      class: "object", type: "button", "data-testid": `object-${id}`, "data-object": id,
      "aria-pressed": String(isChosen), title: id <= 10 ? `Choose (${id % 10})` : "Choose",
      onclick: () => this.choose(id),
    }, swatch, h("span", { class: "number muted", text: String(id) }),
    h("span", { class: hidden ? "grow faint" : "grow", text: name }));
    const eye = iconButton(`hide-${id}`, hidden ? "eye-off" : "eye", hidden ? "Show" : "Hide",
      () => edit({ hidden: !hidden }));
    const lock = iconButton(`lock-${id}`, locked ? "lock" : "unlock", locked ? "Unlock" : "Lock",
      () => edit({ locked: !locked }));
    eye.classList.toggle("faint", !hidden);
    lock.classList.toggle("faint", !locked);
    return h("li", { class: isChosen ? "object-row chosen" : "object-row" }, button, eye, lock);
  }
}
