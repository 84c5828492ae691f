"use strict";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Find an element of the page by its id.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Make an element. Names with "on" are listeners, "text" is its text, the rest are attributes;
 * false, null and undefined leave an attribute out.
 *
 * @param {string} tag
 * @param {Object<string, *>} [attributes]
 * @param {...(Node|string|null)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Make an icon of icons.svg.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  use.setAttribute("href", `icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Make a button with an icon alone; its label is read out and shown as a tooltip.
 *
 * @param {string} id
 * @param {string} name name of the icon
 * @param {string} label
 * @param {(event: Event) => void} onclick
 * @returns {HTMLElement}
 */
export function iconButton(id, name, label, onclick) {
  const attributes = {
    "data-testid": id, class: "icon-button", type: "button", "aria-label": label, title: label,
  };
  return h("button", { ...attributes, onclick }, icon(name));
}

/**
 * Say whether the keyboard belongs to an element, so that keys of the page leave it alone.
 *
 * @param {EventTarget|null} target
 * @returns {boolean}
 */
export function takesText(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.tagName === "TEXTAREA") return true;
  const free = ["checkbox", "radio", "button", "color", "file", "range"];
  return target.tagName === "INPUT" && !free.includes(target.type);
}

/**
 * Put a number of pixels, bytes or seconds into words.
 *
 * @param {number} bytes
 * @returns {string}
 */
export function bytesText(bytes) {
  const units = ["bytes", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/**
 * Put a time into words: "8 s", "3 min 5 s", "1 h 4 min".
 *
 * @param {number} seconds
 * @returns {string}
 */
export function durationText(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/**
 * A CSS colour of three numbers 0 to 255.
 *
 * @param {number[]} color
 * @param {number} [alpha]
 * @returns {string}
 */
export function cssColor([red, green, blue], alpha = 1) {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}
