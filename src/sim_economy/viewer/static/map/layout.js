/**
 * Where the parts of a map lie on its canvas, in CSS pixels.
 *
 * @typedef {{ left: number, top: number, wide: number, high: number, cellWide: number, cellHigh: number,
 *   width: number, height: number }} Layout
 */
const gap = { left: 74, right: 14, top: 10, bottom: 52 };

/** A field as large as the width and the window allow. @param {number} width @param {import("./plane.js").Plane} plane */
export function layoutOf(width, plane) {
  const wide = Math.max(80, width - gap.left - gap.right);
  const most = Math.max(220, Math.min(innerHeight - 340, wide * 0.85));
  const high = plane.height === 1 ? 56 : Math.round(most);
  return {
    left: gap.left, top: gap.top, wide, high,
    cellWide: wide / plane.width, cellHigh: high / plane.height,
    width, height: high + gap.top + gap.bottom,
  };
}

/** The cell under a point; null beside the field. @param {Layout} layout @param {number} x @param {number} y */
export function cellAt(layout, x, y) {
  const column = Math.floor((x - layout.left) / layout.cellWide);
  const row = Math.floor((layout.top + layout.high - y) / layout.cellHigh);
  const inside = column >= 0 && column < Math.round(layout.wide / layout.cellWide)
    && row >= 0 && row < Math.round(layout.high / layout.cellHigh);
  return inside ? { column, row } : null;
}

/** The left and upper edge of a cell. @param {Layout} layout @param {number} column @param {number} row */
export const cornerOf = (layout, column, row) => [
  layout.left + column * layout.cellWide,
  layout.top + layout.high - (row + 1) * layout.cellHigh,
];
