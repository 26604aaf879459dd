/** What was filled into a form. */

/** A field's text, without space around it. @param {SubmitEvent} event @param {string} name @returns {string} */
export function fieldOf(event, name) {
  event.preventDefault();
  return String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get(name)).trim();
}
