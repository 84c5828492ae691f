"use strict";

const RETRY_MS = 1500;
const NAMES = ["changed", "job", "features", "source"];

/**
 * Listen to the server's events, and go on listening after the connection was lost.
 *
 * Emits "server:changed", "server:job", "server:features", "server:source" with their data, and
 * "connection" with {up, again}; `again` says that events may have been missed.
 *
 * @param {import("./bus.js").Bus} bus
 */
export function listen(bus) {
  let stream = null;
  let opened = false;
  let up = true;

  function connect() {
    stream = new EventSource("api/events");
    stream.onopen = () => {
      up = true;
      bus.emit("connection", { up: true, again: opened });
      opened = true;
    };
    stream.onerror = () => {
      if (up) bus.emit("connection", { up: false, again: false });
      up = false;
      stream.close(); // the browser's own retry gives up after some answers; this one does not
      setTimeout(connect, RETRY_MS);
    };
    for (const name of NAMES) {
      stream.addEventListener(name, (event) => {
        bus.emit(`server:${name}`, JSON.parse(event.data));
      });
    }
  }

  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  connect();
}
