"use strict";

import { api } from "./core/api.js";
import { createBus } from "./core/bus.js";
import { byId, takesText } from "./core/dom.js";
import { listen } from "./core/events.js";
import { listenToKeys } from "./core/keys.js";
import { Project } from "./core/project.js";
import { Ui } from "./core/ui.js";
import { Frames } from "./canvas/frames.js";
import { Masks } from "./canvas/masks.js";
import { createStage } from "./canvas/stage.js";
import { View } from "./canvas/view.js";
import { createChecking } from "./panels/checking.js";
import { Confidence } from "./panels/confidence.js";
import { Exports } from "./panels/exports.js";
import { createFeatureNotes } from "./panels/feature_notes.js";
import { FrameIndex } from "./panels/frame_index.js";
import { createHelp } from "./panels/help.js";
import { createHistory } from "./panels/history.js";
import { Jobs } from "./panels/jobs.js";
import { MaskImport } from "./panels/mask_import.js";
import { Messages } from "./panels/messages.js";
import { Objects } from "./panels/objects.js";
import { Opening } from "./panels/opening.js";
import { Player } from "./panels/playback.js";
import { createSettings } from "./panels/settings.js";
import { Sources } from "./panels/sources.js";
import { createTheme } from "./panels/theme.js";
import { Timeline } from "./panels/timeline.js";
import { Toolbox } from "./tools/toolbox.js";

/** The page: its parts, and what more than one of them does. */
export class App {
  constructor() {
    this.bus = createBus();
    this.ui = new Ui(this.bus);
    this.messages = new Messages(this.bus);
    this.project = new Project(this.bus, this.messages);
    this.frames = new Frames(this.bus, (error, number) => {
      if (number === this.ui.frame) this.messages.fail(error);
    });
    this.masks = new Masks(this.bus, (error) => this.messages.fail(error));
    this.bus.on("source", (info) => {
      this.frames.reset(info.id);
      this.masks.reset(info.id);
    });
    this.index = new FrameIndex(this);
    this.view = new View(this);
    this.toolbox = new Toolbox(this);
    this.player = new Player(this);
    this.timeline = new Timeline(this);
    this.objects = new Objects(this);
    this.jobs = new Jobs(this);
    this.confidence = new Confidence(this);
    this.exports = new Exports(this);
    this.opening = new Opening(this);
    this.sources = new Sources(this);
    this.maskImport = new MaskImport(this);
    this.history = createHistory(this);
    createSettings(this);
    createChecking(this);
    createFeatureNotes(this);
    createTheme(this);
    createHelp();
    this.#showNothing();
    this.actions = this.#actions();
    const space = createStage(this);
    listenToKeys((action) => this.run(action), space);
    this.#listen();
  }

  /** Fetch what there is, and open the source that was open last. */
  async start() {
    try {
      const session = await this.#fetchSession();
      const known = session.sources.map((source) => source.id);
      const id = known.includes(this.ui.source) ? this.ui.source : this.#firstToOpen();
      if (id) return await this.openSource(id);
      document.body.dataset.state = "empty";
      const [failed] = session.sources;
      if (failed) this.messages.error(failed.error || `${failed.name} cannot be opened.`);
    } catch (error) {
      document.body.dataset.state = this.project.id ? "ready" : "empty";
      this.messages.fail(error);
    }
  }

  /**
   * Open a source; rejects with an ApiError.
   *
   * @param {string} id
   */
  async openSource(id) {
    const before = document.body.dataset.state;
    document.body.dataset.state = "loading";
    try {
      this.player.stop();
      await this.project.open(id);
    } catch (error) {
      document.body.dataset.state = before === "loading" ? "empty" : before;
      throw error;
    }
    this.messages.clear();
    this.ui.set({ source: id, range: null });
    this.player.resume(this.ui.frames[id] || 0);
    this.player.want();
    this.#fetchSession().catch((error) => this.messages.fail(error));
  }

  /**
   * Do what a key is for.
   *
   * @param {string} action
   */
  run(action) {
    const [name, argument] = action.split(":");
    this.actions[name](argument);
  }

  #actions() {
    const { player, jobs, history } = this;
    return {
      back: () => player.move(-1),
      on: () => player.move(1),
      back10: () => player.move(-10),
      on10: () => player.move(10),
      first: () => player.go(0),
      last: () => player.go(this.project.count - 1),
      play: () => player.toggle(),
      unsure: () => this.confidence.next(),
      tool: (tool) => this.toolbox.choose(tool),
      object: (id) => this.objects.choose(Number(id)),
      finish: () => this.toolbox.current.finish(),
      cancel: () => {
        if (takesText(document.activeElement)) document.activeElement.blur();
        this.toolbox.current.cancel();
        this.view.request();
      },
      forward: () => jobs.propagate("forward"),
      backward: () => jobs.propagate("backward"),
      undo: history.undo,
      redo: history.redo,
      help: () => byId("help-dialog").showModal(),
    };
  }

  /** What is shown before a source is open. */
  #showNothing() {
    this.objects.show();
    this.player.show();
    this.timeline.draw();
    this.bus.emit("state", null);
  }

  #firstToOpen() {
    const usable = this.sources.list.filter((source) => source.status !== "error");
    return usable.length ? usable[0].id : null;
  }

  async #fetchSession() {
    const session = await api.session();
    this.sources.set(session.sources || []);
    this.opening.setSession(session);
    return session;
  }

  #listen() {
    this.bus.on("connection", ({ up, again }) => {
      if (!up || !again) return;
      if (!this.project.id) this.start();
      else this.player.want();
    });
    addEventListener("pagehide", () => this.ui.keep());
    addEventListener("unhandledrejection", (event) => this.messages.fail(event.reason));
    document.addEventListener("click", (event) => {
      const close = event.target.closest("[data-close]");
      if (close) close.closest("dialog").close();
      const pressed = event.target.closest("button, input[type=checkbox]");
      // Space and the arrows then serve the frames again; the keyboard keeps its place.
      if (pressed && event.detail > 0 && !pressed.closest("dialog")) pressed.blur();
    });
    document.addEventListener("pointerup", (event) => {
      if (event.target.matches("input[type=range]")) event.target.blur();
    });
  }
}

const app = new App();
listen(app.bus);
app.start();
