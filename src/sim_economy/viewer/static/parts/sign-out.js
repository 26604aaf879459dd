/** The end of a session, where a browser has one. */
import { html } from "../library.js";
import { answerOf, useAnswer } from "../wire.js";

/** @param {{ world: import("../world.js").World }} props */
export function SignOut({ world }) {
  const { value } = useAnswer(world.path("view/caller"));
  if (value === null || value.seconds_left === null) return null;
  const end = async () => {
    await answerOf("view/session/end", { method: "POST", body: "{}", headers: { "content-type": "application/json" } });
    location.reload();
  };
  return html`<button onClick=${end}>Sign out</button>`;
}
