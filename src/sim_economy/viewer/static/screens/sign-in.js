/** Where a world is shown to whoever has a token of it. */
import { html, useState } from "../library.js";
import { fieldOf } from "../parts/fields.js";
import { Title } from "../parts/title.js";
import { answerOf } from "../wire.js";
import { addressesOf } from "../world.js";

export function SignIn({ worldId }) {
  const [problem, set] = useState("");
  const signIn = async (/** @type {any} */ event) => {
    const token = fieldOf(event, "token");
    event.target.reset();
    try {
      await answerOf(addressesOf(worldId).path("view/session"), {
        method: "POST", body: JSON.stringify({ token }), headers: { "content-type": "application/json" },
      });
      location.reload();
    } catch (error) {
      set(error.message);
    }
  };
  return html`<${Title} text="Sign in" />
    <p class="answer">This world is shown to whoever has its reader’s token.</p>
    <form class="row" onSubmit=${signIn}>
      <label>Token <input type="password" name="token" required autocomplete="current-password" size="40" /></label>
      <button class="main">Sign in</button>
    </form>
    ${problem && html`<div class="failure" role="alert"><p>${problem}</p></div>`}
    <p class="empty">A token goes to this server once; the browser keeps a session that can read, and nothing else.</p>`;
}
