"use strict";

import { byId, h } from "../core/dom.js";

const MASK_NAMES = /\.(png|bmp|gif|tiff?|webp|jpe?g|npy|npz|json)$/i;

/** A mask file as the prompt of a frame, chosen or dropped; videos that are dropped are opened. */
export class MaskImport {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.file = null;
    this.#build();
    this.#listenToDrops();
  }

  /** Let the user choose a file. */
  choose() {
    this.chooser.click();
  }

  #build() {
    this.chooser = h("input", {
      type: "file", id: "mask-file", class: "off-screen", tabindex: -1,
      onchange: () => {
        if (this.chooser.files[0]) this.#ask(this.chooser.files[0]);
        this.chooser.value = "";
      },
    });
    this.about = h("p", { id: "mask-about" });
    const radio = { type: "radio", name: "mask-object" };
    this.whole = h("input", { ...radio, id: "mask-whole", checked: true });
    this.single = h("input", { ...radio, id: "mask-single" });
    this.singleText = h("span");
    this.snap = h("input", { type: "checkbox", id: "mask-snap" });
    const go = h("button", { id: "mask-go", class: "button primary", text: "Import",
      autofocus: true });
    byId("mask-body").append(h("form", {
      class: "dialog-form", onsubmit: (event) => {
        event.preventDefault();
        this.#send();
      },
    }, this.about,
    h("label", { class: "check" }, this.whole, h("span", { text: "All objects of the file" })),
    h("label", { class: "check" }, this.single, this.singleText),
    h("label", { class: "check" }, this.snap, h("span", {
      text: "Give stray values the nearest of the main values (anti-aliased or JPEG masks)",
    })),
    h("div", { class: "dialog-foot" }, go)));
    document.body.append(this.chooser);
  }

  #ask(file) {
    const { project, ui, view } = this.app;
    this.file = file;
    this.frame = view.number;
    const object = project.state.object(ui.object);
    this.about.textContent = `${file.name} becomes the mask of frame ${this.frame}.`;
    this.singleText.textContent = object
      ? `Only as a mask of ${object.name}` : "Only as a mask of the chosen object";
    this.single.disabled = !object;
    this.whole.checked = true;
    byId("mask-dialog").showModal();
  }

  async #send() {
    const { project, ui } = this.app;
    const object = this.single.checked ? ui.object : null;
    byId("mask-dialog").close();
    const options = { object, snap: this.snap.checked };
    const result = await project.importMask(this.frame, this.file, options);
    if (result) this.app.messages.toast(`The mask is imported into frame ${this.frame}.`);
  }

  #listenToDrops() {
    const note = byId("drop-note");
    let depth = 0;
    const hide = () => {
      depth = 0;
      note.hidden = true;
    };
    addEventListener("dragenter", (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      depth += 1;
      note.firstElementChild.textContent = this.app.project.id
        ? "Drop a mask for this frame, or another video" : "Drop a video";
      note.hidden = false;
    });
    addEventListener("dragleave", () => {
      depth -= 1;
      if (depth <= 0) hide();
    });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      hide();
      const file = event.dataTransfer.files[0];
      if (!file) return;
      if (this.app.project.id && MASK_NAMES.test(file.name)) this.#ask(file);
      else this.app.opening.upload(file);
    });
  }
}
