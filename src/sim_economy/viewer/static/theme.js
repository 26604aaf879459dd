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

/** A colour's name for each of many lines. @param {number} index @returns {string} */
export const lineColour = (index) => lines[index % lines.length];

/** Whether a line is dashed, since its colour is another's too. @param {number} index @returns {boolean} */
export const isDashed = (index) => index >= lines.length;

const lines = ["blue", "orange", "green", "red", "purple", "sky", "violet", "brown", "slate", "grey"];

chooseTheme(chosenTheme());
