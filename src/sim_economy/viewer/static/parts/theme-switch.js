/** The switch between light, dark, and what the system prefers. */
import { html, useState } from "../library.js";
import { chooseTheme, chosenTheme } from "../theme.js";

const names = { system: "System", light: "Light", dark: "Dark" };

export function ThemeSwitch() {
  const [theme, set] = useState(chosenTheme());
  const choose = (event) => {
    chooseTheme(event.target.value);
    set(event.target.value);
  };
  return html`<label class="unseen" for="theme">Light or dark</label>
    <select id="theme" onChange=${choose}>
      ${Object.entries(names).map(([value, name]) => html`
        <option key=${value} value=${value} selected=${value === theme}>${name}</option>`)}
    </select>`;
}
