"use strict";

/** A request that failed; its message is a sentence for the user. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {number} status the HTTP status, 0 where no answer came
   */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** What is said when no answer comes. */
export const UNREACHABLE = "The server does not answer. Is `vos app` still running?";
const FORBIDDEN = "This page may not talk to the server. Open the address that `vos app` printed.";

async function errorOf(status, text) {
  let sentence = "";
  try {
    sentence = JSON.parse(text).error || "";
  } catch {
    sentence = "";
  }
  if (!sentence) {
    sentence = status === 401 || status === 403
      ? FORBIDDEN : `The server answered with the error ${status}.`;
  }
  return new ApiError(sentence, status);
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(UNREACHABLE, 0);
  }
  if (!response.ok) throw await errorOf(response.status, await response.text());
  return response;
}

async function getJson(path, options) {
  return (await request(path, options)).json();
}

async function postJson(path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await request(path, {
    method: "POST", headers, body: JSON.stringify(body),
  });
  const text = await response.text();
  return text ? JSON.parse(text) : {};
}

const sourcePath = (source) => `api/sources/${encodeURIComponent(source)}`;

function sendFile(path, file, headers, onProgress) {
  return new Promise((resolve, reject) => {
    const upload = new XMLHttpRequest(); // fetch does not tell how much has been sent
    upload.open("POST", path);
    upload.setRequestHeader("Content-Type", "application/octet-stream");
    for (const [name, value] of Object.entries(headers)) upload.setRequestHeader(name, value);
    upload.upload.onprogress = (event) => {
      if (onProgress && event.lengthComputable) onProgress(event.loaded / event.total);
    };
    upload.onerror = () => reject(new ApiError(UNREACHABLE, 0));
    upload.onload = async () => {
      if (upload.status >= 200 && upload.status < 300) resolve(JSON.parse(upload.responseText));
      else reject(await errorOf(upload.status, upload.responseText));
    };
    upload.send(file);
  });
}

/** Every request of the page. Each rejects with an ApiError, or an AbortError when aborted. */
export const api = {
  /** The sources, roots and limits of this session. */
  session: () => getJson("api/session"),

  /** Folders and files under a root or an entry: {root: id} or {entry: id}. */
  entries: (where) => getJson(`api/entries?${new URLSearchParams(where)}`),

  /** Open {entry: id}, {path: text} or {demo: true}; gives {source: id}. */
  addSource: (which) => postJson("api/sources", which),

  /** Send a video file; gives {source: id}. */
  upload: (file, onProgress) =>
    sendFile(`api/uploads?${new URLSearchParams({ name: file.name })}`, file, {}, onProgress),

  /** All that is known of a source, with its state. */
  source: (source) => getJson(sourcePath(source)),

  /** A frame as a blob; with a height, a thumbnail. */
  async frame(source, number, { height, signal } = {}) {
    const query = height ? `?height=${height}` : "";
    const response = await request(`${sourcePath(source)}/frames/${number}.jpg${query}`, {
      signal,
    });
    return response.blob();
  },

  /** A mask: {height, width, runs}. */
  mask: (source, digest) => getJson(`${sourcePath(source)}/masks/${digest}`),

  /** Say which frame is on the screen. */
  show: (source, frame) => postJson(`${sourcePath(source)}/show`, { frame }),

  /** Make a change; gives {revision, changed, undo, redo, stale, result}. */
  change: (source, action) => postJson(`${sourcePath(source)}/changes`, action),

  /** Send a mask file for a frame; gives what a change gives. */
  importMask(source, frame, file, { object, snap } = {}) {
    const query = new URLSearchParams({ frame });
    if (object) query.set("object", object);
    if (snap) query.set("snap", "1");
    const headers = { "X-File-Name": encodeURIComponent(file.name) };
    return sendFile(`${sourcePath(source)}/masks?${query}`, file, headers);
  },

  /** Start a job; gives {job: id}. */
  startJob: (source, job) => postJson(`${sourcePath(source)}/jobs`, job),

  /** Cancel a job. */
  cancelJob: (source, job) => postJson(`${sourcePath(source)}/jobs/${job}/cancel`, {}),

  /** The address of an exported file. */
  exportUrl: (source, id) => `${sourcePath(source)}/exports/${encodeURIComponent(id)}`,
};
