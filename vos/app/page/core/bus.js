"use strict";

/**
 * @typedef {object} Bus
 * @property {(name: string, handler: Function) => void} on
 * @property {(name: string, data?: *) => void} emit
 */

/**
 * Make a place where modules hear of one another's changes.
 *
 * Names in use: "source" (another source is open), "state" (a Set of changed keys, or null for
 * all), "frame" (the cursor moved), "drawn" (a frame is on the screen), "ui" (the name of a
 * setting of the page), "features", "jobs", "pending", "sources", "connection", "loaded".
 *
 * @returns {Bus}
 */
export function createBus() {
  const handlers = new Map();
  return {
    on(name, handler) {
      if (!handlers.has(name)) handlers.set(name, []);
      handlers.get(name).push(handler);
    },
    emit(name, data) {
      for (const handler of handlers.get(name) || []) handler(data);
    },
  };
}
