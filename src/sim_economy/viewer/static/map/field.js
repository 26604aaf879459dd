/** The field of cells: drawn, read by the pointer and by the keyboard, opened by a click or Enter. */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../library.js";
import { useThemeVersion } from "../theme.js";
import { draw } from "./draw.js";
import { cellAt, layoutOf } from "./layout.js";
import { picture } from "./paint.js";

const steps = new Map([["ArrowLeft", [-1, 0]], ["ArrowRight", [1, 0]], ["ArrowUp", [0, 1]], ["ArrowDown", [0, -1]]]);

/**
 * @param {{ map: any, plane: import("./plane.js").Plane, axes: any[], byClass: boolean, markName: string,
 *   mark: { across: number, up: number } | null, cursor: { column: number, row: number } | null,
 *   label: string, onRead: (column: number, row: number, byKey: boolean) => void,
 *   onOpen: (column: number, row: number) => void }} props
 */
export function Field({ map, plane, axes, byClass, mark, markName, cursor, label, onRead, onOpen }) {
  const canvas = useRef(null);
  const theme = useThemeVersion();
  const width = useWidth(canvas);
  const layout = useMemo(() => layoutOf(width, plane), [width, plane]);
  const cells = useMemo(() => picture(plane, map, byClass), [plane, map, byClass, theme]);
  useLayoutEffect(() => {
    const context = sized(canvas.current, layout);
    draw(context, layout, { plane, cells, byClass, axes, mark, markName, cursor });
  }, [layout, cells, cursor, mark?.across, mark?.up]);
  const found = (/** @type {PointerEvent} */ event) => cellAt(layout, event.offsetX, event.offsetY);
  const point = (/** @type {PointerEvent} */ event) => {
    const cell = found(event);
    if (cell !== null) onRead(cell.column, cell.row, false);
  };
  const click = (/** @type {PointerEvent} */ event) => {
    const cell = found(event);
    if (cell !== null) onOpen(cell.column, cell.row);
  };
  const press = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const at = cursor ?? { column: 0, row: 0 };
    if (event.key === "Enter" || event.key === " ") onOpen(at.column, at.row);
    else if (steps.has(event.key)) moved(at, steps.get(event.key), event.shiftKey ? 10 : 1, plane, onRead);
    else return;
    event.preventDefault();
  };
  const focus = () => {
    const at = cursor ?? { column: Math.round(mark?.across ?? 0), row: Math.round(mark?.up ?? 0) };
    onRead(at.column, at.row, true);
  };
  return html`<canvas ref=${canvas} class="map-field" tabindex="0" role="application" aria-label=${label}
    onPointerMove=${point} onClick=${click} onKeyDown=${press} onFocus=${focus}></canvas>`;
}

function moved({ column, row }, [right, above], far, { width, height }, onRead) {
  const within = (value, end) => Math.min(Math.max(value, 0), end - 1);
  onRead(within(column + right * far, width), within(row + above * far, height), true);
}

/** The width of the element that holds the canvas, followed. */
function useWidth(canvas) {
  const [width, set] = useState(720);
  useEffect(() => {
    const holder = canvas.current.parentElement;
    const measure = () => set(Math.floor(holder.clientWidth));
    const watch = new ResizeObserver(measure);
    watch.observe(holder);
    measure();
    return () => watch.disconnect();
  }, []);
  return width;
}

/** The canvas with as many pixels as the screen has for it. @param {HTMLCanvasElement} canvas */
function sized(canvas, { width, height }) {
  const ratio = devicePixelRatio;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
