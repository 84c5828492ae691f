"use strict";

import { api } from "../core/api.js";
import { byId, bytesText, h } from "../core/dom.js";

const HOLES = "Holes are joined to the outline by a line";

/** Formats of an export: name, title, what it holds, what it cannot hold. */
export const FORMATS = [
  ["masks", "Masks (indexed PNG)", "A PNG of object ids for each frame, as `vos segment` writes",
    ""],
  ["overlay", "Overlay video", "The video with the masks drawn over it", ""],
  ["youtube-vos", "YouTube-VOS (run lengths)", "A track of codes for each object", ""],
  ["coco", "COCO (run lengths)", "An annotation for each object of each frame", ""],
  ["cut-outs", "Cut-outs", "The objects on transparent ground, as pictures", ""],
  ["cut-outs-video", "Cut-outs (ProRes 4444)", "The same as a video with alpha", ""],
  ["cvat", "CVAT for video 1.1", "A track of polygons for each object",
    `${HOLES}; each further piece is a track of its own`],
  ["yolo", "YOLO segmentation", "A text file of polygons for each frame",
    `${HOLES}; each further piece is an object of its own`],
  ["labelme", "LabelMe", "A JSON file of polygons for each frame", HOLES],
  ["measurements", "Measurements", "Area, place and border of each object, as a table", ""],
  ["confidence", "Confidence", "How sure each object's mask is, as a table", ""],
];

/** The dialog of exports: formats, options, progress, files and what they lose. */
export class Exports {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.job = null;
    this.#build();
    byId("open-export").onclick = () => this.show();
    app.bus.on("source", () => this.#clear());
  }

  /** Show the dialog. */
  show() {
    if (this.app.project.id) byId("export-dialog").showModal();
  }

  #build() {
    this.boxes = FORMATS.map(([name, title, holds, loses], at) => {
      const box = h("input", {
        type: "checkbox", id: `format-${name}`, value: name, checked: at === 0,
        onchange: () => this.#enable(),
      });
      return { name, box, element: h("label", { class: "format" }, box,
        h("span", { class: "grow" }, h("strong", { text: title }),
          h("span", { class: "muted", text: holds }),
          loses ? h("span", { class: "loss", text: loses }) : null)) };
    });
    this.go = h("button", { id: "export-go", class: "button primary", text: "Export" });
    this.stop = h("button", {
      id: "export-cancel", class: "button", type: "button", text: "Stop", hidden: true,
      onclick: () => this.app.jobs.cancel(this.job),
    });
    this.status = h("p", { id: "export-status", class: "export-status muted", role: "status" });
    this.files = h("ul", { id: "export-files", class: "list export-files" });
    byId("export-body").append(h("form", {
      class: "dialog-form", onsubmit: (event) => {
        event.preventDefault();
        this.#start();
      },
    }, h("div", { class: "formats" }, ...this.boxes.map(({ element }) => element)),
    this.#buildOptions(), this.status, this.files,
    h("div", { class: "dialog-foot" }, this.stop, this.go)));
  }

  #buildOptions() {
    this.ids = h("input", { type: "checkbox", id: "export-ids" });
    this.pictures = h("input", { type: "checkbox", id: "export-pictures" });
    this.fps = h("input", {
      type: "number", id: "export-fps", min: 0.1, max: 240, step: "any", class: "short",
      placeholder: "as the source",
    });
    this.idsBox = h("label", { class: "check" }, this.ids,
      h("span", { text: "Write each object's id on the overlay" }));
    this.fpsBox = h("label", { class: "row" },
      h("span", { text: "Frames a second of videos" }), this.fps);
    this.picturesBox = h("label", { class: "check" }, this.pictures,
      h("span", { text: "Write the frames beside the annotations, as PNG" }));
    this.options = h("div", { class: "export-options", id: "export-options" },
      this.idsBox, this.fpsBox, this.picturesBox);
    return this.options;
  }

  #options() {
    const options = {};
    const chosen = this.#chosen();
    if (this.ids.checked && chosen.includes("overlay")) options.show_ids = true;
    if (this.fps.value && !this.fpsBox.hidden) options.overlay_fps = Number(this.fps.value);
    if (this.pictures.checked && !this.picturesBox.hidden) options.pictures = "png";
    return options;
  }

  #clear() {
    this.status.textContent = "";
    this.files.replaceChildren();
    this.job = null;
    this.#enable();
  }

  #chosen() {
    return this.boxes.filter(({ box }) => box.checked).map(({ name }) => name);
  }

  #enable() {
    this.go.disabled = this.job !== null || this.#chosen().length === 0;
    this.stop.hidden = this.job === null;
    const has = (...names) => names.some((name) => this.#chosen().includes(name));
    this.idsBox.hidden = !has("overlay");
    this.fpsBox.hidden = !has("overlay", "cut-outs-video");
    this.picturesBox.hidden = !has("yolo", "labelme");
    this.options.hidden = this.fpsBox.hidden && this.picturesBox.hidden;
  }

  async #start() {
    this.files.replaceChildren();
    this.status.classList.remove("failed");
    this.status.textContent = "Starting…";
    this.job = "";
    this.#enable();
    const order = { kind: "export", formats: this.#chosen(), options: this.#options() };
    const job = await this.app.jobs.start(order, (state) => this.#take(state));
    if (job && this.job === "") this.job = job;
    this.#enable();
  }

  #take(job) {
    if (["queued", "running"].includes(job.state)) {
      const part = job.total ? `: ${job.done || 0} of ${job.total} frames` : "";
      this.status.textContent = job.state === "queued" ? "Waiting…" : `Exporting${part}`;
      return;
    }
    this.job = null;
    this.status.classList.toggle("failed", job.state === "failed");
    if (job.state === "failed") this.status.textContent = job.error || "The export failed.";
    else if (job.state === "cancelled") this.status.textContent = "Stopped; nothing was written.";
    else this.#showFiles((job.result && job.result.files) || []);
    this.#enable();
  }

  #showFiles(files) {
    const source = this.app.project.id;
    this.status.textContent = files.length === 1 ? "One file:" : `${files.length} files:`;
    this.files.replaceChildren(...files.map((file) => h("li", { "data-testid": "export-file" },
      h("a", {
        class: "download", href: api.exportUrl(source, file.id), download: file.name,
        text: file.name,
      }),
      h("span", { class: "muted number", text: bytesText(file.bytes) }),
      ...(file.losses || []).map((loss) => h("p", { class: "loss", text: loss })))));
    this.files.lastElementChild?.scrollIntoView({ block: "center" });
  }
}
