"use strict";

import { byId, h, icon } from "../core/dom.js";
import { BoxTool } from "./box.js";
import { BrushTool } from "./brush.js";
import { ClickTool } from "./click.js";
import { PolygonTool } from "./polygon.js";

const LEAST_SIZE = 1;
const MOST_SIZE = 400;

/** The tools, their buttons, and the settings of the chosen one. */
export class Toolbox {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const tools = [
      new ClickTool(app), new BoxTool(app), new BrushTool(app, false), new BrushTool(app, true),
      new PolygonTool(app),
    ];
    this.tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.#build();
    app.view.onDraw = (context, scale) => this.current.draw(context, scale);
    app.bus.on("ui", (name) => {
      if (["tool", "brushSize", "subtract"].includes(name)) this.#show();
    });
    app.bus.on("source", () => {
      this.current.cancel();
      this.#show();
    });
    this.#show();
  }

  /** The chosen tool. */
  get current() {
    return this.tools.get(this.app.ui.tool) || this.tools.get("click");
  }

  /** @param {string} name */
  choose(name) {
    if (name !== this.app.ui.tool) this.current.cancel();
    this.app.ui.set({ tool: name });
  }

  /** Make brush and eraser larger or smaller. */
  resize(factor) {
    const size = this.app.ui.brushSize * factor;
    const brushSize = Math.min(MOST_SIZE, Math.max(LEAST_SIZE, Math.round(size * 10) / 10));
    this.app.ui.set({ brushSize });
  }

  #build() {
    const rail = byId("tools");
    this.buttons = new Map();
    for (const tool of this.tools.values()) {
      const button = h("button", {
        id: `tool-${tool.name}`, class: "tool", type: "button", "aria-label": tool.title,
        title: `${tool.title} (${tool.key})`, onclick: () => this.choose(tool.name),
      }, icon(tool.icon));
      this.buttons.set(tool.name, button);
      rail.append(button);
    }
    rail.append(h("hr", { class: "rail-line" }), h("button", {
      id: "import-mask", class: "tool", type: "button", "aria-label": "Import a mask file",
      title: "Import a mask file for this frame", onclick: () => this.app.maskImport.choose(),
    }, icon("mask")));
    this.size = h("input", {
      id: "brush-size", type: "range", min: LEAST_SIZE, max: 200, step: 1,
      "aria-label": "Size of brush and eraser",
      oninput: () => this.app.ui.set({ brushSize: Number(this.size.value) }),
    });
    this.sizeText = h("output", { id: "brush-size-text", class: "number" });
    this.add = this.#choice("polygon-add", "Add", false);
    this.take = this.#choice("polygon-subtract", "Take away", true);
    this.options = h("div", { id: "tool-options", class: "tool-options" });
    this.sizeBox = h("label", { class: "tool-option" }, "Size", this.size, this.sizeText);
    this.polygonBox = h("div", {
      class: "segments", role: "group", "aria-label": "What the polygon does",
    }, this.add, this.take);
    this.title = h("strong");
    this.hint = h("span", { id: "tool-hint", class: "muted" });
    this.options.append(this.title, this.hint, this.sizeBox, this.polygonBox);
    byId("hint").append(this.options);
  }

  #choice(id, text, subtract) {
    return h("button", {
      id, type: "button", class: "segment", text, onclick: () => this.app.ui.set({ subtract }),
    });
  }

  #show() {
    const { ui, project } = this.app;
    const has = Boolean(project.id);
    for (const [name, button] of this.buttons) {
      button.setAttribute("aria-pressed", String(name === this.current.name));
      button.disabled = !has;
    }
    byId("import-mask").disabled = !has;
    byId("hint").hidden = !has;
    byId("stage").dataset.tool = this.current.name;
    this.title.textContent = this.current.title;
    this.hint.textContent = this.current.hint;
    this.hint.title = this.current.hint;
    this.sizeBox.hidden = !this.current.hasSize;
    this.polygonBox.hidden = this.current.name !== "polygon";
    this.size.value = ui.brushSize;
    this.sizeText.textContent = `${Math.round(ui.brushSize)} px`;
    this.add.setAttribute("aria-pressed", String(!ui.subtract));
    this.take.setAttribute("aria-pressed", String(ui.subtract));
  }
}
