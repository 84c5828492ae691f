"use strict";

import { cssColor } from "../core/dom.js";
import { SURE } from "./confidence.js";

export const GUTTER = 112; // the names of the rows
export const RULER = 18;
export const STRIP = 40;
export const MARKS = 16;
export const HEAD = RULER + STRIP + MARKS;
export const ROW = 16;

const STEPS = [1, 2, 5];

/** The colours of the page, which light and dark set. */
function palette() {
  const style = getComputedStyle(document.body);
  const of = (name) => style.getPropertyValue(name).trim();
  return {
    text: of("--muted"), strong: of("--text"), line: of("--line"), track: of("--track"),
    accent: of("--accent"), ok: of("--ok"), warning: of("--warning"),
  };
}

function stepOf(span, width) {
  const least = (span / width) * 72;
  for (let power = 1; ; power *= 10) {
    for (const step of STEPS) if (step * power >= least) return step * power;
  }
}

function text(context, words, x, y, color, most) {
  context.fillStyle = color;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.fillText(words, x, y, most);
}

function shorten(context, words, most) {
  if (context.measureText(words).width <= most) return words;
  let short = words;
  while (short && context.measureText(`${short}…`).width > most) short = short.slice(0, -1);
  return `${short}…`;
}

function clipToFrames(context, timeline, height) {
  context.save();
  context.beginPath();
  context.rect(GUTTER, 0, timeline.width, height);
  context.clip();
}

function drawRuler(context, timeline, colors) {
  const step = stepOf(timeline.span, timeline.width);
  const last = Math.min(timeline.app.project.count, timeline.first + timeline.span);
  for (let frame = Math.ceil(timeline.first / step) * step; frame < last; frame += step) {
    const x = Math.round(timeline.xOf(frame)) + 0.5;
    context.fillStyle = colors.line;
    context.fillRect(x - 0.5, 4, 1, RULER - 4);
    text(context, String(frame), x + 4, RULER / 2 + 1, colors.text);
  }
}

function drawStrip(context, timeline, colors) {
  const { project } = timeline.app;
  const height = STRIP - 4;
  const width = Math.max(24, (height * project.info.width) / project.info.height);
  const slots = Math.ceil(timeline.width / width);
  const wanted = [];
  context.fillStyle = colors.track;
  context.fillRect(GUTTER, RULER, timeline.width, height);
  for (let slot = 0; slot < slots; slot += 1) {
    const x = GUTTER + slot * width;
    const frame = Math.floor(timeline.frameAt(x + width / 2));
    if (frame < 0 || frame >= project.count) continue;
    wanted.push(frame);
    const picture = timeline.thumbnails.get(frame);
    if (picture) context.drawImage(picture, x, RULER, width - 1, height);
  }
  timeline.thumbnails.want(wanted);
}

/** Call with each pixel column and the frames [from, to) that it shows. */
function columns(timeline, draw) {
  const { count } = timeline.app.project;
  const perPixel = timeline.span / timeline.width;
  const wide = Math.max(1, 1 / perPixel);
  if (perPixel <= 1) {
    const first = Math.max(0, Math.floor(timeline.first));
    const last = Math.min(count, Math.ceil(timeline.first + timeline.span));
    for (let frame = first; frame < last; frame += 1) {
      const x = Math.round(timeline.xOf(frame));
      const gap = wide > 4 ? 1 : 0;
      draw(x, Math.max(1, Math.round(timeline.xOf(frame + 1)) - x - gap), frame, frame + 1);
    }
    return;
  }
  for (let pixel = 0; pixel < timeline.width; pixel += 1) {
    const from = Math.floor(timeline.first + pixel * perPixel);
    const to = Math.min(count, Math.max(from + 1, Math.floor(timeline.first
      + (pixel + 1) * perPixel)));
    if (from < count) draw(GUTTER + pixel, 1, Math.max(0, from), to);
  }
}

function hatch(context, timeline, colors, top, height) {
  context.save();
  context.beginPath();
  for (const [first, last] of timeline.app.project.stale) {
    const left = timeline.xOf(first);
    context.rect(left, top, Math.max(1, timeline.xOf(last + 1) - left), height);
  }
  context.clip();
  context.beginPath();
  for (let x = GUTTER - height; x < GUTTER + timeline.width; x += 6) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.strokeStyle = colors.warning;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.stroke();
  context.restore();
}

function drawMarks(context, timeline, colors) {
  const { index, project } = timeline.app;
  const top = RULER + STRIP;
  const middle = top + MARKS / 2 - 1;
  if (project.stale.length) hatch(context, timeline, colors, top + 1, MARKS - 4);
  context.fillStyle = colors.ok;
  columns(timeline, (x, width, from, to) => {
    for (let frame = from; frame < to; frame += 1) {
      if (index.checked[frame]) {
        context.fillRect(x, top + MARKS - 5, width, 3);
        return;
      }
    }
  });
  for (const [frame, objects] of index.prompts) {
    const x = timeline.xOf(frame + 0.5);
    if (x < GUTTER - 6 || x > GUTTER + timeline.width + 6) continue;
    let shift = -(objects.size - 1) * 2;
    for (const id of objects) {
      const object = project.state.object(id);
      context.beginPath();
      context.moveTo(x + shift, middle - 6);
      context.lineTo(x + shift + 4.5, middle - 1.5);
      context.lineTo(x + shift, middle + 3);
      context.lineTo(x + shift - 4.5, middle - 1.5);
      context.closePath();
      context.fillStyle = object ? cssColor(object.color) : colors.text;
      context.fill();
      context.strokeStyle = colors.strong;
      context.lineWidth = 1;
      context.stroke();
      shift += 4;
    }
  }
}

function drawRange(context, timeline, colors, height) {
  const { range } = timeline.app.ui;
  if (!range) return;
  const left = timeline.xOf(range[0]);
  context.globalAlpha = 0.18;
  context.fillStyle = colors.accent;
  context.fillRect(left, 0, Math.max(1, timeline.xOf(range[1] + 1) - left), height);
  context.globalAlpha = 1;
}

/**
 * Draw the ruler, the thumbnails, and the marks of prompts, checked and stale frames.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 */
export function drawHead(context, timeline) {
  const colors = palette();
  text(context, "Frame", 12, RULER / 2 + 1, colors.text);
  text(context, "Prompts, checked", 12, RULER + STRIP + MARKS / 2 - 1, colors.text, GUTTER - 18);
  clipToFrames(context, timeline, HEAD);
  drawRuler(context, timeline, colors);
  drawStrip(context, timeline, colors);
  drawMarks(context, timeline, colors);
  drawRange(context, timeline, colors, HEAD);
  context.restore();
}

function drawPresence(context, timeline, object, top, colors) {
  const presence = timeline.app.index.presence.get(object.id);
  const height = ROW - 4;
  context.fillStyle = colors.track;
  const end = Math.min(timeline.width, timeline.xOf(timeline.app.project.count) - GUTTER);
  context.fillRect(GUTTER, top, end, height);
  if (!presence) return;
  const removed = timeline.app.project.state.get(`removed/${object.id}`) || [];
  const color = cssColor(object.color);
  const bound = 1 + Math.round(254 * SURE * 0.75);
  columns(timeline, (x, width, from, to) => {
    let least = 0;
    for (let frame = from; frame < to; frame += 1) {
      const value = presence[frame];
      if (value && (!least || value < least)) least = value;
    }
    if (!least || removed.some(([first, last]) => first <= from && to - 1 <= last)) return;
    const tall = Math.max(3, Math.round((height * (least - 1)) / 254));
    context.fillStyle = color;
    context.fillRect(x, top + height - tall, width, tall);
    if (least < bound) {
      context.fillStyle = colors.warning;
      context.fillRect(x, top + height - tall, width, 2);
    }
  });
}

/**
 * Draw a row for each object: where it is present; the height is its confidence.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 * @param {number} width
 * @param {{id: number, name: string, color: number[]}[]} objects
 */
export function drawRows(context, timeline, width, objects) {
  const colors = palette();
  objects.forEach((object, at) => {
    const top = at * ROW + 2;
    const isChosen = object.id === timeline.app.ui.object;
    context.fillStyle = cssColor(object.color);
    context.fillRect(12, top + 2, 8, 8);
    context.font = "11px system-ui, sans-serif";
    const name = shorten(context, object.name, GUTTER - 36);
    text(context, name, 26, top + 6.5, isChosen ? colors.strong : colors.text);
  });
  clipToFrames(context, timeline, Math.max(1, objects.length) * ROW + 4);
  objects.forEach((object, at) => {
    context.globalAlpha = object.hidden ? 0.35 : 1;
    drawPresence(context, timeline, object, at * ROW + 2, colors);
  });
  context.globalAlpha = 1;
  drawRange(context, timeline, colors, objects.length * ROW + 4);
  context.restore();
  if (!objects.length) {
    text(context, "Objects appear here, with where they are present and how sure their masks are.",
      GUTTER, ROW / 2 + 1, colors.text);
  }
}
