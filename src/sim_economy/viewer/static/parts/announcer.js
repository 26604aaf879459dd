/** New turns and a lost connection, said to screen readers now and then. */
import { html, useEffect, useRef, useState } from "../library.js";
import { counted, tokens } from "../numbers.js";
import { withTokens, withTokensWords } from "./without-tokens.js";

/** Between two announcements, in milliseconds. */
const pause = 10_000;

/** @param {{ world: import("../world.js").World | null }} props */
export function Announcer({ world }) {
  const [text, set] = useState("");
  const last = useRef(0);
  const link = world?.link;
  useEffect(() => {
    if (link === "lost") set("The connection is lost; the page tries again.");
  }, [link]);
  useEffect(() => {
    const now = Date.now();
    if (!world?.overview.live || now - last.current < pause) return;
    last.current = now;
    const { turn, overview } = world;
    set(`Turn ${tokens(turn)}: ${tokens(withTokens(overview))} of ${counted(overview.agents, "agent")} ${withTokensWords(overview)}.`);
  }, [world?.turn]);
  return html`<div class="unseen" aria-live="polite">${text}</div>`;
}
