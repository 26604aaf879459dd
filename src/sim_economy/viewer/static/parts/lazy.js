/** Screens that are read when they are first shown, so that the first one is there soon. */
import { html, useEffect, useState } from "../library.js";
import { Failure, Waiting } from "./notices.js";

/** @param {() => Promise<any>} load @returns {(props: any) => unknown} */
export function lazy(load) {
  let Screen = null;
  return function Lazy(props) {
    const [state, set] = useState({ ready: Screen !== null, error: null });
    useEffect(() => {
      if (Screen !== null) return;
      load().then(
        (found) => { Screen = found; set({ ready: true, error: null }); },
        () => set({ ready: false, error: new Error("This screen could not be read; reload the page.") }),
      );
    }, []);
    if (Screen !== null) return html`<${Screen} ...${props} />`;
    return state.error ? html`<${Failure} error=${state.error} />` : html`<${Waiting} what="the screen" />`;
  };
}
