/** An address that names nothing. */
import { html } from "../library.js";
import { Title } from "../parts/title.js";

export const Missing = ({ world, path }) => html`<${Title} text="There is no such screen" />
  <p class="answer">This viewer has no screen called “${path.join("/")}”.</p>
  <p><a href=${world.to([])}>Go to the overview</a></p>`;
