"use strict";

const BYTES = 128e6;

function packed([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function lookUp(colors, alpha) {
  const table = new Uint32Array(256);
  for (const [id, color] of colors) table[id] = packed(color, alpha);
  return table;
}

/**
 * Colour the border of every object: its pixels beside pixels of another value.
 *
 * A provisional mask has a dashed border.
 */
function paintBorders(pixels, mask, table, thickness, dash) {
  const { ids, width, height } = mask;
  for (let y = 0, at = 0; y < height; y += 1) {
    const up = y >= thickness ? -thickness * width : 0;
    const down = y < height - thickness ? thickness * width : 0;
    for (let x = 0; x < width; x += 1, at += 1) {
      const id = ids[at];
      if (id === 0 || table[id] === 0) continue;
      const left = x >= thickness ? -thickness : 0;
      const right = x < width - thickness ? thickness : 0;
      const inside = ids[at + left] === id && ids[at + right] === id
        && ids[at + up] === id && ids[at + down] === id;
      if (inside || (dash && ((x + y) / dash) & 1)) continue;
      pixels[at] = table[id];
    }
  }
}

/**
 * Paint a mask as a picture with alpha.
 *
 * @param {{width: number, height: number, ids: Uint8Array}} mask
 * @param {{view: string, opacity: number, provisional: boolean, colors: Array, dark: boolean}}
 *   style colors: pairs of id and colour of the objects to draw
 * @returns {HTMLCanvasElement}
 */
export function paintLayer(mask, style) {
  const canvas = document.createElement("canvas");
  canvas.width = mask.width;
  canvas.height = mask.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(mask.width, mask.height);
  const pixels = new Uint32Array(image.data.buffer);
  const { ids } = mask;
  const solid = style.view === "mask" || style.view === "cutout";
  if (style.view !== "contour") {
    const strength = style.provisional && !solid ? style.opacity * 0.6 : style.opacity;
    const table = lookUp(style.colors, solid ? 1 : strength);
    for (let at = 0; at < ids.length; at += 1) if (ids[at]) pixels[at] = table[ids[at]];
  }
  if (!solid) {
    const thickness = Math.max(1, Math.round(Math.max(mask.width, mask.height) / 500));
    const dash = style.provisional ? 6 * thickness : 0;
    paintBorders(pixels, mask, lookUp(style.colors, 1), thickness, dash);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Painted masks, kept by digest and style. */
export class Layers {
  constructor() {
    this.layers = new Map();
    this.bytes = 0;
  }

  /**
   * @param {{digest: string, width: number, height: number, ids: Uint8Array}} mask
   * @param {object} style as of `paintLayer`
   * @returns {HTMLCanvasElement}
   */
  get(mask, style) {
    const key = `${mask.digest} ${JSON.stringify(style)}`;
    let layer = this.layers.get(key);
    if (layer) {
      this.layers.delete(key);
    } else {
      layer = paintLayer(mask, style);
      this.bytes += 4 * layer.width * layer.height;
    }
    this.layers.set(key, layer);
    for (const [oldest, held] of this.layers) {
      if (this.bytes <= BYTES || oldest === key) break;
      this.layers.delete(oldest);
      this.bytes -= 4 * held.width * held.height;
    }
    return layer;
  }
}
