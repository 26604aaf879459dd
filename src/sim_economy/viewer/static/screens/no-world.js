/** A world that is not there, or not yet. */
import { linkTo } from "../address.js";
import { html, useEffect } from "../library.js";
import { Title } from "../parts/title.js";

/** Between two looks whether a world was started, in milliseconds. */
const look = 2000;

export function NoWorld({ error, again }) {
  const waits = error.status === 409 || error.status === 0 || error.status === 503;
  useEffect(() => {
    if (!waits) return undefined;
    const timer = setInterval(again, look);
    return () => clearInterval(timer);
  }, [waits]);
  return html`<${Title} text=${waits ? "Waiting for a world" : "This world cannot be shown"} />
    <p class="answer message">${error.message}</p>
    ${waits
      ? html`<p class="empty">This page looks again every two seconds, and opens the world when it is there.</p>`
      : html`<p><a href=${linkTo(["worlds"])}>All worlds</a></p>`}`;
}
