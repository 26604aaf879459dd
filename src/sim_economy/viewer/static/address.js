/**
 * Addresses: every screen of the viewer is a path after `#`, so that Back works and a link can be sent.
 *
 * @typedef {{ path: string[], query: URLSearchParams }} Address
 */
import { useEffect, useState } from "./library.js";

/** The address that a fragment states. @param {string} [fragment] @returns {Address} */
export function parsed(fragment = location.hash) {
  const [path, query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(query),
  };
}

/** A query of those values that are stated, with its question mark. @param {Record<string, unknown>} query @returns {string} */
export function queryOf(query) {
  const stated = Object.entries(query).filter(([, value]) => value !== "" && value != null);
  const values = stated.map(([name, value]) => [name, String(value)]);
  return stated.length ? `?${new URLSearchParams(values)}` : "";
}

/** A link to a screen. @param {(string | number | bigint)[]} path @param {Record<string, unknown>} [query] */
export const linkTo = (path, query = {}) =>
  `#/${path.map((part) => encodeURIComponent(String(part))).join("/")}${queryOf(query)}`;

/** Go to a screen; without `keep`, Back returns from it. @param {string} link @param {boolean} [keep] */
export function go(link, keep = false) {
  if (keep) {
    history.replaceState(null, "", link);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = link;
  }
}

/** Where the reader is; the component follows it. @returns {Address} */
export function useAddress() {
  const [fragment, follow] = useState(location.hash);
  useEffect(() => {
    const changed = () => follow(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return parsed(fragment);
}

/** Text of a part; what is no valid encoding stands for itself. @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
