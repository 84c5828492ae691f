"use strict";

import { api } from "../core/api.js";
import { byId, durationText } from "../core/dom.js";

const RUNNING = ["queued", "running"];
const WAYS = { both: "Propagating", forward: "Propagating forward",
  backward: "Propagating backward" };

/** Propagation and exports: their start, how far they are, and stopping them. */
export class Jobs {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    this.jobs = new Map();
    this.waiting = new Map(); // what to do with the result of an export
    byId("propagate").onclick = () => this.propagate(app.project.state.settings().direction);
    byId("propagate-forward").onclick = () => this.propagate("forward");
    byId("propagate-backward").onclick = () => this.propagate("backward");
    byId("job-cancel").onclick = () => this.cancel();
    app.bus.on("source", (info) => this.#takeAll(info));
    app.bus.on("info", (info) => this.#takeAll(info));
    app.bus.on("server:job", (job) => job.source === app.project.id && this.#take(job));
    app.bus.on("index", () => this.#show());
  }

  /** The job that runs, or the first that waits. */
  get current() {
    const live = [...this.jobs.values()].filter((job) => RUNNING.includes(job.state));
    return live.find((job) => job.state === "running") || live[0] || null;
  }

  /** @param {"both"|"forward"|"backward"} direction */
  async propagate(direction) {
    if (!this.app.project.id) return;
    if (this.current && this.current.kind === "propagate") {
      this.app.messages.toast("A propagation is running. Stop it first.");
      return;
    }
    await this.start({ kind: "propagate", direction }, null);
  }

  /**
   * Start a job; a failure to start is shown.
   *
   * @param {object} order
   * @param {?(job: object) => void} onChange told of every event of the job
   * @returns {Promise<?string>} the job's id
   */
  async start(order, onChange) {
    const { project, messages } = this.app;
    await project.queue; // a change that is being sent belongs to what the job works on
    try {
      const { job } = await api.startJob(project.id, order);
      if (onChange) this.waiting.set(job, onChange);
      const known = this.jobs.get(job);
      this.#take({ state: "queued", kind: order.kind, ...known, job, direction: order.direction });
      return job;
    } catch (error) {
      if (onChange) onChange({ state: "failed", error: error.message });
      else messages.fail(error);
      return null;
    }
  }

  /** Stop the job that runs. */
  async cancel(id = this.current && this.current.job) {
    if (!id) return;
    byId("job-cancel").disabled = true;
    try {
      await api.cancelJob(this.app.project.id, id);
    } catch (error) {
      this.app.messages.fail(error);
    }
    byId("job-cancel").disabled = false;
  }

  #takeAll(info) {
    this.jobs = new Map();
    for (const job of info.jobs || []) {
      const id = job.job ?? job.id;
      this.jobs.set(id, { ...job, job: id });
    }
    this.#show();
  }

  #take(data) {
    const before = this.jobs.get(data.job);
    const job = { ...before, ...data };
    this.jobs.set(job.job, job);
    const onChange = this.waiting.get(job.job);
    if (onChange) onChange(job);
    if (job.note && !(before && before.note)) this.app.messages.toast(job.note);
    const isOver = !RUNNING.includes(job.state);
    if (isOver) this.waiting.delete(job.job);
    if (isOver && (!before || RUNNING.includes(before.state))) this.#tellEnd(job, onChange);
    this.#show();
    this.app.bus.emit("jobs");
  }

  #tellEnd(job, onChange) {
    const { messages } = this.app;
    const name = job.kind === "export" ? "Export" : "Propagation";
    if (job.state === "failed" && !onChange) {
      messages.error(job.error || `${name} failed.`);
    } else if (job.state === "cancelled") {
      messages.toast(`${name} stopped.`);
    } else if (job.state === "done" && job.kind === "propagate") {
      messages.toast("Propagation is done.");
    }
    document.body.dataset.lastJob = job.state;
  }

  #show() {
    const { project } = this.app;
    const job = this.current;
    document.body.dataset.job = job ? job.state : "";
    byId("job").hidden = !job;
    const hasPrompts = this.app.index.prompts.size > 0;
    const may = Boolean(project.id) && hasPrompts && !(job && job.kind === "propagate");
    for (const id of ["propagate", "propagate-forward", "propagate-backward"]) {
      byId(id).disabled = !may;
    }
    byId("propagate").title = hasPrompts
      ? "Propagate the prompts through the video" : "Mark an object on a frame first";
    byId("open-export").disabled = !project.id;
    if (!job) return;
    byId("job-text").textContent = this.#text(job);
    byId("job-text").title = job.note || "";
    const progress = byId("job-progress");
    if (job.total) {
      progress.max = job.total;
      progress.value = job.done || 0;
    } else {
      progress.removeAttribute("value");
    }
  }

  #text(job) {
    const name = job.kind === "export" ? "Exporting" : WAYS[job.direction] || "Propagating";
    if (job.state === "queued") return `${name}: waiting`;
    const parts = [`${name}: ${job.done || 0}${job.total ? ` of ${job.total}` : ""}`];
    if (job.rate) parts.push(`${job.rate < 10 ? job.rate.toFixed(1) : Math.round(job.rate)}/s`);
    if (job.remaining !== null && job.remaining !== undefined) {
      parts.push(`${durationText(job.remaining)} left`);
    }
    return parts.join(", ");
  }
}
