/** The heading of a screen, which is the title of the window too. */
import { html, useEffect } from "../library.js";

/** @param {{ text: string, path?: { name: string, link: string }[] }} props */
export function Title({ text, path = [] }) {
  useEffect(() => { document.title = `${text} · sim-economy`; }, [text]);
  return html`<div class="heading">${path.length > 0 && html`<nav class="path" aria-label="Path">
      ${path.map(({ name, link }) => html`<a key=${link} href=${link}>${name}</a> › `)}</nav>`}
    <h1>${text}</h1></div>`;
}
