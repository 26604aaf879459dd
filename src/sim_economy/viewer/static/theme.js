/**
 * Light and dark: the system's preference, unless the reader chose one here.
 *
 * @typedef {"system" | "light" | "dark"} Theme
 */
import { useEffect, useState } from "./library.js";

const key = "sim-economy-theme";
const changed = "themechange";
const root = document.documentElement;

/** The reader's choice. @returns {Theme} */
export function chosenTheme() {
  const kept = localStorage.getItem(key);
  return kept === "light" || kept === "dark" ? kept : "system";
}

/** Show the page so, and remember it. @param {Theme} theme */
export function chooseTheme(theme) {
  if (theme === "system") {
    localStorage.removeItem(key);
    delete root.dataset.theme;
  } else {
    localStorage.setItem(key, theme);
    root.dataset.theme = theme;
  }
  dispatchEvent(new Event(changed));
}

/** A number that grows whenever the colours of the page change. @returns {number} */
export function useThemeVersion() {
  const [version, set] = useState(0);
  useEffect(() => {
    const grow = () => set((old) => old + 1);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    addEventListener(changed, grow);
    dark.addEventListener("change", grow);
    return () => {
      removeEventListener(changed, grow);
      dark.removeEventListener("change", grow);
    };
  }, []);
  return version;
}

/** The value of a colour's name, as a canvas takes it. @param {string} name @returns {string} */
export const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

/**
 * How each of many lines is drawn: an agent has the colour of its index wherever that is still free, and
 * lines are dashed once all colours are taken.
 *
 * @param {number[]} indices @returns {{ colour: string, dashed: boolean }[]}
 */
export function lineStyles(indices) {
  const taken = new Set();
  return indices.map((index) => {
    const places = lines.map((_, step) => (index + step) % lines.length);
    const solid = places.find((place) => !taken.has(place));
    taken.add(solid);
    return { colour: lines[solid ?? places[0]], dashed: solid === undefined };
  });
}

const lines = ["blue", "orange", "green", "red", "purple", "sky", "violet", "brown", "slate", "grey"];

chooseTheme(chosenTheme());
