"use strict";

import { cssColor } from "../core/dom.js";

export const DOT = 6; // radius on the screen
const ADDS = "#1f9d55";
const TAKES = "#d63a3a";
const NEW_OBJECT = [43, 98, 217];

/**
 * Draw a point of a click.
 *
 * @param {CanvasRenderingContext2D} context in pixels of the frame
 * @param {number} scale pixels of the screen for one of the frame
 */
export function drawDot(context, scale, item, color, isPending) {
  const x = item.x + 0.5;
  const y = item.y + 0.5;
  const radius = DOT / scale;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = item.positive ? ADDS : TAKES;
  context.fill();
  context.lineWidth = 2 / scale;
  context.strokeStyle = "#fff";
  if (isPending) context.setLineDash([3 / scale, 2 / scale]);
  context.stroke();
  context.setLineDash([]);
  context.beginPath();
  context.arc(x, y, radius + 1.5 / scale, 0, 2 * Math.PI);
  context.lineWidth = 1.5 / scale;
  context.strokeStyle = cssColor(color);
  context.stroke();
  const arm = 3 / scale;
  context.beginPath();
  context.moveTo(x - arm, y);
  context.lineTo(x + arm, y);
  if (item.positive) {
    context.moveTo(x, y - arm);
    context.lineTo(x, y + arm);
  }
  context.strokeStyle = "#fff";
  context.stroke();
}

/**
 * Draw a line with a dark edge, so that it is seen on any picture.
 *
 * @param {CanvasRenderingContext2D} context holding the path
 */
export function strokePath(context, scale, color, dash = []) {
  context.lineJoin = "round";
  context.lineWidth = 3.5 / scale;
  context.strokeStyle = "rgb(0 0 0 / 0.45)";
  context.stroke();
  context.lineWidth = 1.75 / scale;
  context.strokeStyle = cssColor(color);
  context.setLineDash(dash.map((part) => part / scale));
  context.stroke();
  context.setLineDash([]);
}

/**
 * Draw a stroke with round ends, as wide as it paints.
 *
 * @param {CanvasRenderingContext2D} context
 */
export function drawStroke(context, item, color, alpha) {
  context.beginPath();
  const [first, ...rest] = item.points;
  context.moveTo(first[0], first[1]);
  if (!rest.length) context.lineTo(first[0], first[1]);
  for (const [x, y] of rest) context.lineTo(x, y);
  context.lineCap = "round";
  context.lineJoin = "round";
  context.lineWidth = 2 * item.radius;
  context.strokeStyle = item.positive ? cssColor(color, alpha) : `rgb(255 255 255 / ${alpha})`;
  context.stroke();
  context.lineCap = "butt";
}

/** Put the outline of a box or polygon into the context's path. */
export function outline(context, item) {
  context.beginPath();
  if (item.type === "box") {
    context.rect(item.left, item.top, item.right - item.left, item.bottom - item.top);
    return;
  }
  item.points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
}

function drawItem(context, scale, item, color, isPending) {
  if (item.type === "click") {
    drawDot(context, scale, item, color, isPending);
  } else if (item.type === "box") {
    outline(context, item);
    strokePath(context, scale, color, [6, 4]);
  } else if (item.type === "polygon" && isPending) {
    outline(context, item);
    strokePath(context, scale, color, []);
  } else if (item.type === "stroke" && isPending) {
    drawStroke(context, item, color, 0.5);
  }
}

/**
 * Draw the prompts of a frame: points and boxes; strokes and polygons only until they are part
 * of the mask, since the mask shows them from then on.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} scale
 * @param {import("../main.js").App} app
 * @param {number} number
 */
export function drawItems(context, scale, app, number) {
  const { state, pending } = app.project;
  for (const object of state.objects()) {
    if (object.hidden) continue;
    const prompt = state.prompt(number, object.id);
    if (!prompt) continue;
    context.globalAlpha = object.id === app.ui.object ? 1 : 0.55;
    for (const item of prompt.items) drawItem(context, scale, item, object.color, false);
  }
  context.globalAlpha = 1;
  for (const { frame, object, item } of pending) {
    if (frame !== number) continue;
    const known = state.object(object);
    drawItem(context, scale, item, known ? known.color : NEW_OBJECT, true);
  }
}
