"use strict";

import { takesText } from "./dom.js";

/**
 * Every key of the page: what is pressed, what help shows, and the name of the action.
 *
 * `code` is compared where a layout or Shift changes the character, `key` otherwise. Keys that a
 * focused control uses itself (Space and Enter on a button) are left to it.
 */
export const KEYS = [
  { group: "Frames", show: "Left", key: "ArrowLeft", does: "One frame back", action: "back" },
  { group: "Frames", show: "Right", key: "ArrowRight", does: "One frame on", action: "on" },
  { group: "Frames", show: "Shift+Left", key: "ArrowLeft", shift: true, does: "Ten frames back",
    action: "back10" },
  { group: "Frames", show: "Shift+Right", key: "ArrowRight", shift: true, does: "Ten frames on",
    action: "on10" },
  { group: "Frames", show: "Home", key: "Home", does: "First frame", action: "first" },
  { group: "Frames", show: "Alt+Left", key: "ArrowLeft", alt: true, does: "First frame",
    action: "first" },
  { group: "Frames", show: "End", key: "End", does: "Last frame", action: "last" },
  { group: "Frames", show: "Alt+Right", key: "ArrowRight", alt: true, does: "Last frame",
    action: "last" },
  { group: "Frames", show: "Space", key: " ", does: "Play, stop", action: "play", onUp: true },
  { group: "Frames", show: "N", key: "n", does: "Next unsure frame", action: "unsure" },
  { group: "Tools", show: "C", key: "c", does: "Click", action: "tool:click" },
  { group: "Tools", show: "R", key: "r", does: "Box", action: "tool:box" },
  { group: "Tools", show: "D", key: "d", does: "Brush", action: "tool:brush" },
  { group: "Tools", show: "E", key: "e", does: "Eraser", action: "tool:eraser" },
  { group: "Tools", show: "P", key: "p", does: "Polygon", action: "tool:polygon" },
  { group: "Tools", show: "Enter", key: "Enter", does: "Finish the polygon", action: "finish" },
  { group: "Tools", show: "Esc", key: "Escape", does: "Cancel what is being drawn",
    action: "cancel" },
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((digit) => ({
    group: "Objects", show: String(digit), code: `Digit${digit}`, does: `Object ${digit}`,
    action: `object:${digit}`,
  })),
  { group: "Objects", show: "0", code: "Digit0", does: "Object 10", action: "object:10" },
  { group: "Propagation", show: "F", key: "f", does: "Propagate forward", action: "forward" },
  { group: "Propagation", show: "B", key: "b", does: "Propagate backward", action: "backward" },
  { group: "History", show: "Ctrl+Z", key: "z", ctrl: true, does: "Undo", action: "undo" },
  { group: "History", show: "Ctrl+Shift+Z", key: "z", ctrl: true, shift: true, does: "Redo",
    action: "redo" },
  { group: "Help", show: "?", key: "?", anyShift: true, does: "This list", action: "help" },
];

/** What the mouse does; listed by help below the keys. */
export const MOUSE = [
  ["Wheel", "Zoom; with brush or eraser, their size"],
  ["Ctrl+wheel", "Zoom, whichever tool is chosen"],
  ["Space and drag, middle button", "Move the frame"],
  ["Left button", "Add to the object"],
  ["Right button", "Take away (click tool)"],
  ["Click on a point", "Take the point away (click tool)"],
  ["Double click", "Finish the polygon"],
  ["Drag on the timeline", "Go through the frames"],
  ["Shift+drag on the timeline", "Choose a range of frames"],
  ["Wheel on the timeline", "Zoom the timeline"],
];

/**
 * What identifies a press: two keys of the table with one such text would do two things.
 *
 * @param {object} key
 * @returns {string}
 */
export function pressOf(key) {
  const marks = [key.ctrl && "Ctrl", key.alt && "Alt", key.shift && "Shift"].filter(Boolean);
  return [...marks, key.code || key.key.toLowerCase()].join("+");
}

function matches(key, event) {
  if (Boolean(key.ctrl) !== (event.ctrlKey || event.metaKey)) return false;
  if (Boolean(key.alt) !== event.altKey) return false;
  if (!key.anyShift && Boolean(key.shift) !== event.shiftKey) return false;
  if (key.code) return [key.code, key.code.replace("Digit", "Numpad")].includes(event.code);
  return event.key.toLowerCase() === key.key.toLowerCase();
}

function usesItself(target, key) {
  if (takesText(target)) return key.key !== "Escape";
  if (!(target instanceof HTMLElement)) return false;
  const own = target.closest("button, a, summary, select, input");
  if (!own) return false;
  if (own.tagName === "SELECT" || own.type === "range") {
    return ["ArrowLeft", "ArrowRight", "Home", "End", " ", "Enter"].includes(key.key);
  }
  return [" ", "Enter"].includes(key.key);
}

/**
 * Call actions as their keys are pressed. Keys do nothing while a dialog is open.
 *
 * @param {(action: string) => void} run
 * @param {{spaceDown: () => void, spaceUp: () => boolean}} space told when Space goes down and
 *   up; true: it served to move the frame, and does not play
 */
export function listenToKeys(run, space) {
  addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const key = KEYS.find((one) => matches(one, event));
    if (!key || usesItself(event.target, key)) return;
    event.preventDefault();
    if (key.onUp) {
      if (!event.repeat) space.spaceDown();
    } else if (!event.repeat || key.group === "Frames") {
      run(key.action);
    }
  });
  addEventListener("keyup", (event) => {
    const key = KEYS.find((one) => one.onUp && one.key === event.key);
    if (!key) return;
    const wasForKey = space.isDown();
    const moved = space.spaceUp();
    if (wasForKey && !moved) run(key.action);
  });
}
