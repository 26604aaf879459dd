/** Cells as pixels: a picture of one pixel a cell, its first row at the top of the plane. */
import { colour } from "../theme.js";
import { unplayed } from "./plane.js";

/**
 * The colours of a plane's cells, as the page shows them now.
 *
 * @param {import("./plane.js").Plane} plane @param {any} map @param {boolean} byClass
 * @returns {HTMLCanvasElement}
 */
export function picture(plane, map, byClass) {
  const canvas = document.createElement("canvas");
  canvas.width = plane.width;
  canvas.height = plane.height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(plane.width, plane.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = byClass ? map.classes.map((each) => packed(colour(each.colour))) : map.scale.map(packed);
  const stepOf = byClass ? (cell) => plane.classes[cell] : scaled(plane.columns[0], colours.length);
  for (let row = 0; row < plane.height; row += 1) {
    const start = (plane.height - 1 - row) * plane.width;
    for (let column = 0; column < plane.width; column += 1) {
      const cell = row * plane.width + column;
      if (plane.classes[cell] !== unplayed) pixels[start + column] = colours[stepOf(cell)];
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** The step of the scale on which a cell is. @param {import("./plane.js").Column} column @param {number} count */
function scaled({ means, least, greatest }, count) {
  const span = greatest - least;
  return (cell) => (span > 0 ? Math.min(count - 1, Math.floor(((means[cell] - least) / span) * count)) : 0);
}

/** A colour as the number of an opaque pixel. @param {string} text */
function packed(text) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}
