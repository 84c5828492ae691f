"use strict";

import { api } from "../core/api.js";
import { byId, bytesText, h, icon } from "../core/dom.js";

const ICONS = { folder: "folder", video: "video", pictures: "pictures", run: "run",
  project: "project" };
const WORDS = { folder: "", video: "video", pictures: "pictures", run: "run of vos segment",
  project: "project" };

/** Ways to open a video: drop, choose, path, folders of the server, and the demo's clip. */
export class Opening {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.roots = [];
    this.maxUpload = Infinity;
    this.trail = []; // the folders on the way to the one shown: {where, name}
    this.form = this.#build();
    byId("empty").append(this.form);
    byId("open-source").onclick = () => this.show();
    byId("open-dialog").addEventListener("close", () => this.#place());
    app.bus.on("source", () => this.#place());
  }

  /** Take over what the session says. */
  setSession(session) {
    this.roots = session.roots || [];
    this.maxUpload = session.max_upload || Infinity;
    if (!this.trail.length) this.#browse(null);
    this.#place();
  }

  /** Show the ways to open a video in a dialog. */
  show() {
    byId("open-body").append(this.form);
    byId("open-dialog").showModal();
    this.path.focus();
  }

  /**
   * Send a video to the server and open it.
   *
   * @param {File} file
   */
  async upload(file) {
    const { messages } = this.app;
    if (file.size > this.maxUpload) {
      messages.error(`${file.name} has ${bytesText(file.size)}; at most `
        + `${bytesText(this.maxUpload)} can be sent. Start \`vos app\` with its path instead.`);
      return;
    }
    this.#say(`Sending ${file.name}…`);
    if (!this.form.checkVisibility()) messages.toast(`Sending ${file.name}…`);
    await this.#open(() => api.upload(file, (part) => {
      this.#say(`Sending ${file.name}: ${Math.round(part * 100)} %`);
    }));
  }

  #place() {
    const isEmpty = !this.app.project.id;
    byId("empty").hidden = !isEmpty;
    if (isEmpty && !byId("open-dialog").open) byId("empty").append(this.form);
  }

  #build() {
    const chooser = h("input", {
      type: "file", id: "upload-file", accept: "video/*", class: "off-screen", tabindex: -1,
      onchange: () => {
        if (chooser.files[0]) this.upload(chooser.files[0]);
        chooser.value = "";
      },
    });
    this.path = h("input", {
      id: "open-path", type: "text", placeholder: "Path of a video or folder",
      "aria-label": "Path of a video or folder", spellcheck: "false", autocomplete: "off",
    });
    this.status = h("p", { id: "open-status", class: "muted open-status", role: "status" });
    this.crumbs = h("div", { id: "crumbs", class: "crumbs" });
    this.entries = h("ul", { id: "entries", class: "list entries" });
    const byPath = h("form", {
      class: "row", onsubmit: (event) => {
        event.preventDefault();
        if (this.path.value.trim()) this.#add({ path: this.path.value.trim() });
      },
    }, this.path, h("button", { id: "open-path-go", class: "button", text: "Open" }));
    return h("div", { id: "open-form", class: "open-form" },
      h("div", { class: "drop-box" },
        h("p", { class: "drop-title", text: "Drop a video here" }),
        h("div", { class: "row center-row" },
          h("button", {
            id: "choose-file", class: "button primary", type: "button", text: "Choose a file",
            onclick: () => chooser.click(),
          }),
          h("button", {
            id: "open-demo", class: "button", type: "button", text: "Open the demo clip",
            onclick: () => this.#add({ demo: true }),
          })), chooser),
      byPath,
      h("div", { class: "browser" }, this.crumbs, this.entries),
      this.status);
  }

  #say(text) {
    this.status.textContent = text;
  }

  #add(which) {
    this.#say("Opening…");
    return this.#open(() => api.addSource(which));
  }

  async #open(send) {
    try {
      const { source } = await send();
      if (byId("open-dialog").open) byId("open-dialog").close();
      await this.app.openSource(source);
      this.#say("");
    } catch (error) {
      this.#say(error.message);
      if (!byId("open-dialog").open) this.app.messages.fail(error);
    }
  }

  async #browse(step) {
    if (step) {
      const at = this.trail.findIndex((one) => one.id === step.id);
      this.trail = at < 0 ? [...this.trail, step] : this.trail.slice(0, at + 1);
    } else {
      this.trail = [];
    }
    let entries = this.roots.map((root) => ({ ...root, kind: "folder", isRoot: true }));
    if (step) {
      try {
        const where = step.isRoot ? { root: step.id } : { entry: step.id };
        ({ entries } = await api.entries(where));
      } catch (error) {
        this.#say(error.message);
        return;
      }
    }
    this.#showEntries(entries);
  }

  #showEntries(entries) {
    const crumb = (name, step) => h("button", {
      class: "crumb", type: "button", text: name, "data-testid": "crumb",
      onclick: () => this.#browse(step),
    });
    this.crumbs.replaceChildren(crumb("Folders", null),
      ...this.trail.map((step) => crumb(step.name, step)));
    const rows = entries.map((entry) => h("li", {},
      h("button", {
        class: "entry", type: "button", "data-testid": "entry", "data-kind": entry.kind,
        title: entry.name,
        onclick: () => (entry.kind === "folder"
          ? this.#browse(entry) : this.#add({ entry: entry.id })),
      }, icon(ICONS[entry.kind] || "video"), h("span", { class: "grow", text: entry.name }),
      h("span", { class: "muted", text: WORDS[entry.kind] || "" }))));
    const none = h("li", { class: "muted none", text: this.trail.length
      ? "No video, folder of pictures or project here." : "No folder was named for this page." });
    this.entries.replaceChildren(...(rows.length ? rows : [none]));
  }
}
