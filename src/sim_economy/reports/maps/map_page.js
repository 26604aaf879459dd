"use strict";
// Reads a cell of the map under the pointer or the keyboard's cursor, and shows how to open it.
const number = (value, digits = 0) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace("-", "\u2212");

// A value of an axis with every digit that it has.
const exact = (value) =>
  value.toLocaleString("en", { maximumFractionDigits: 9 }).replace("-", "\u2212");

function sentence(plane, column, row) {
  const cell = row * plane.across.length + column;
  const noise = plane.noisy[cell] ? ", within noise" : "";
  return `After ${number(plane.turns)} turns, ${maps.words[0]} ${exact(plane.across[column])}, `
    + `${maps.words[1]} ${exact(plane.up[row])}: ${maps.names[plane.classes[cell]]} `
    + `(${plane.agreement[cell]} % of ${number(plane.runs[cell])} seeds agree${noise}). `
    + `Agent-turns below zero ${number(plane.insolvent[cell], 1)} % \u00b1 `
    + `${number(plane.insolventHalf[cell], 1)}; the platform ends at `
    + `${number(plane.platform[cell])} \u00b1 ${number(plane.platformHalf[cell])} tokens.`;
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

const reading = element("div", "map-reading");
const said = element("p", "map-cell", 
  "Point at a cell to read it, or focus the map and use the arrow keys; a click, or Enter, shows "
  + "the command that plays one of its runs again.");
said.setAttribute("role", "status");
const opening = element("div", "map-command");
const command = element("code", "");
const copy = element("button", "", "Copy");
copy.type = "button";
const whole = element("p", "map-cell");
opening.append(command, copy, whole);
opening.hidden = true;
reading.append(said, opening);

copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(command.textContent);
    copy.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(command);
    copy.textContent = "Selected";
  }
});

const at = { plane: maps.planes.length - 1, column: 0, row: 0 };
const cursors = [];

function move(plane, column, row) {
  const own = maps.planes[plane];
  at.plane = plane;
  at.column = Math.min(Math.max(column, 0), own.across.length - 1);
  at.row = Math.min(Math.max(row, 0), own.up.length - 1);
  said.textContent = sentence(own, at.column, at.row);
  for (const show of cursors) show();
}

function open() {
  const own = maps.planes[at.plane];
  const row = own.rows[at.row * own.across.length + at.column];
  command.textContent = `sim-economy open ${own.folder} --row ${row}`;
  whole.textContent = "One run with its ledger. With --every-seed the core plays all "
    + `${number(own.runs[at.row * own.across.length + at.column])} runs of the cell again and `
    + "compares their means.";
  copy.textContent = "Copy";
  opening.hidden = false;
}

function attach(holder, boxes) {
  const svg = holder.querySelector("svg");
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const frames = ["map-halo", "map-cursor"].map((name) => {
    const frame = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    frame.setAttribute("class", name);
    svg.append(frame);
    return frame;
  });
  cursors.push(() => {
    const [left, top, right, bottom] = boxes[at.plane];
    const own = maps.planes[at.plane];
    const wide = (right - left) * width / own.across.length;
    const high = (bottom - top) * height / own.up.length;
    for (const frame of frames) {
      frame.setAttribute("x", left * width + at.column * wide);
      frame.setAttribute("y", bottom * height - (at.row + 1) * high);
      frame.setAttribute("width", wide);
      frame.setAttribute("height", high);
    }
  });
  const found = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(svg.getScreenCTM().inverse());
    const x = point.x / width;
    const y = point.y / height;
    const plane = boxes.findIndex(([left, top, right, bottom]) =>
      x >= left && x < right && y >= top && y < bottom);
    if (plane < 0) return false;
    const [left, top, right, bottom] = boxes[plane];
    const own = maps.planes[plane];
    move(plane, Math.floor((x - left) / (right - left) * own.across.length),
      Math.floor((bottom - y) / (bottom - top) * own.up.length));
    return true;
  };
  holder.addEventListener("pointermove", found);
  holder.addEventListener("click", (event) => { if (found(event)) open(); });
  holder.addEventListener("focus", () => move(at.plane, at.column, at.row));
  holder.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key in steps) {
      move(at.plane, at.column + steps[event.key][0], at.row + steps[event.key][1]);
    } else if (event.key === "PageUp" || event.key === "PageDown") {
      const count = maps.planes.length;
      move((at.plane + (event.key === "PageDown" ? 1 : count - 1)) % count, at.column, at.row);
    } else if (event.key === "Enter" || event.key === " ") {
      open();
    } else {
      return;
    }
    event.preventDefault();
  });
  holder.tabIndex = 0;
  holder.setAttribute("role", "application");
  holder.setAttribute("aria-label",
    "Map; arrow keys read cells, page keys change the horizon, Enter shows the command");
}

const figure = document.querySelector(".first figure");
attach(figure.querySelector(".in-wide"), maps.wide);
attach(figure.querySelector(".in-narrow"), maps.narrow);
figure.querySelector("figcaption").before(reading);
if (maps.marked) [at.column, at.row] = maps.marked;
