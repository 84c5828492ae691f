"use strict";

import { h, icon, iconButton } from "../core/dom.js";

const ITEM_WORDS = {
  click: (item) => (item.positive ? "Click" : "Click that takes away"),
  box: () => "Box",
  stroke: (item) => (item.positive ? "Brush stroke" : "Eraser stroke"),
  polygon: (item) => (item.positive ? "Polygon" : "Polygon that takes away"),
  mask: () => "Imported mask",
};

function hexOf(color) {
  return `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

function colorOf(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/**
 * What can be done with the chosen object: name, colour, its prompts here, merge, delete.
 *
 * @param {import("../main.js").App} app
 * @returns {{element: HTMLElement, show: () => void}}
 */
export function createDetails(app) {
  const change = (action, values) => app.project.change({
    action, object: app.ui.object, ...values,
  });
  const name = h("input", {
    id: "object-name", type: "text", "aria-label": "Name", maxlength: 60, spellcheck: "false",
    onchange: () => name.value.trim() && change("edit_object", { name: name.value.trim() }),
    onkeydown: (event) => event.key === "Enter" && name.blur(),
  });
  const color = h("input", {
    id: "object-color", type: "color", "aria-label": "Colour", title: "Colour",
    onchange: () => change("edit_object", { color: colorOf(color.value) }),
  });
  const items = createItems(app, change);
  const merge = createMerge(app);
  const range = createRange(app, change);
  const remove = h("button", {
    id: "delete-object", class: "button small danger", type: "button",
    title: "Delete this object from all frames", onclick: () => change("delete_object"),
  }, icon("trash"), "Delete object");
  const element = h("section", { id: "object-details", class: "section", hidden: true },
    h("div", { class: "row" }, color, name), items.element, h("details", { id: "object-more" },
      h("summary", { id: "object-more-summary", text: "Merge and delete" }),
      h("div", { class: "more" }, merge.element, range.element, remove)));

  function show() {
    const object = app.project.state.object(app.ui.object);
    element.hidden = !object;
    if (!object) return;
    if (document.activeElement !== name) name.value = object.name;
    color.value = hexOf(object.color);
    items.show(object);
    merge.show(object);
    range.show();
    for (const control of element.querySelectorAll("button, input, select")) {
      control.disabled = object.locked;
    }
    merge.show(object);
  }

  return { element, show };
}

function createItems(app, change) {
  const title = h("span", { class: "label" });
  const list = h("ul", { id: "items", class: "items" });
  const clear = h("button", {
    id: "clear-prompt", class: "link", type: "button", text: "Clear",
    title: "Take away all prompts of this object on this frame",
    onclick: () => change("clear_prompt", { frame: app.view.number }),
  });
  const element = h("div", { class: "stack" },
    h("div", { class: "section-head" }, title, clear), list);

  function show(object) {
    const frame = app.view.number;
    const prompt = frame === null ? null : app.project.state.prompt(frame, object.id);
    title.textContent = frame === null ? "Prompts" : `Prompts on frame ${frame}`;
    clear.hidden = !prompt;
    const rows = (prompt ? prompt.items : []).map((item, index) => h("li", {
      "data-testid": "item", "data-type": item.type,
    }, h("span", { class: "grow", text: ITEM_WORDS[item.type](item) }),
    iconButton(`remove-item-${index}`, "close", "Take this prompt away",
      () => change("remove_item", { frame, index }))));
    const none = h("li", { class: "muted none", text: "None." });
    list.replaceChildren(...(rows.length ? rows : [none]));
  }

  return { element, show };
}

function createMerge(app) {
  const into = h("select", { id: "merge-into", "aria-label": "Merge into" });
  const go = h("button", {
    id: "merge", class: "button small", type: "button", text: "Merge",
    title: "Make this object part of the other one",
    onclick: async () => {
      const target = Number(into.value);
      const from = app.ui.object;
      if (!target) return;
      const result = await app.project.change({ action: "merge_objects", from, into: target });
      if (result) app.ui.set({ object: target });
    },
  });
  const element = h("div", { class: "stack" },
    h("span", { class: "label", text: "Merge into" }), h("div", { class: "row" }, into, go));

  function show(object) {
    const others = app.project.state.objects().filter((one) => one.id !== object.id);
    element.hidden = others.length === 0;
    const kept = into.value;
    into.replaceChildren(...others.map((one) => h("option", {
      value: one.id, text: `${one.id}  ${one.name}`,
    })));
    if (others.some((one) => String(one.id) === kept)) into.value = kept;
    go.disabled = object.locked || others.length === 0;
  }

  return { element, show };
}

function createRange(app, change) {
  const number = (id, label) => h("input", {
    id, type: "number", min: 0, step: 1, class: "short", "aria-label": label,
  });
  const first = number("range-first", "First frame");
  const last = number("range-last", "Last frame");
  const go = h("button", {
    id: "delete-range", class: "button small", type: "button", text: "Delete",
    title: "Delete this object on these frames; Shift+drag on the timeline chooses them",
    onclick: () => {
      const ends = [Number(first.value), Number(last.value)].sort((a, b) => a - b);
      change("delete_range", { first: ends[0], last: ends[1] });
    },
  });
  const element = h("div", { class: "stack" },
    h("span", { class: "label", text: "Delete over frames" }),
    h("div", { class: "row" }, first, h("span", { class: "muted", text: "to" }), last, go));

  function show() {
    const { range } = app.ui;
    const most = app.project.count - 1;
    first.max = String(most);
    last.max = String(most);
    const isEdited = [first, last].includes(document.activeElement);
    if (isEdited) return;
    const shown = app.view.number ?? 0;
    first.value = String(range ? range[0] : shown);
    last.value = String(range ? range[1] : shown);
  }

  return { element, show };
}
