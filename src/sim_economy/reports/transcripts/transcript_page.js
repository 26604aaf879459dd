"use strict";
const by = (id) => document.getElementById(id);
const turns = [...document.querySelectorAll(".turn")].map((element) => ({
  element,
  own: [...element.querySelectorAll(".agent-turn")].map((section) => ({ section, words: null })),
}));
const inputs = ["words", "agent", "action", "mark"].map(by);
const openedAtOnce = 25;

function wordsOf(entry) {
  entry.words ??= [...entry.section.querySelectorAll("h3, .did, .why, .said, .thought")]
    .map((part) => part.textContent.toLowerCase())
    .join("\n");
  return entry.words;
}

function fits(entry, wanted, agent, action, mark) {
  const data = entry.section.dataset;
  return (agent === "" || data.agent === agent) && (action === "" || data.action === action) &&
    (mark === "" || data.marks.split(" ").includes(mark)) &&
    (wanted.length === 0 || wanted.every((word) => wordsOf(entry).includes(word)));
}

function filter() {
  const [words, agent, action, mark] = inputs.map((input) => input.value);
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const active = wanted.length > 0 || agent !== "" || action !== "" || mark !== "";
  let hits = 0, hitTurns = 0, all = 0;
  for (const { element, own } of turns) {
    let found = 0;
    for (const entry of own) {
      const hit = fits(entry, wanted, agent, action, mark);
      entry.section.hidden = !hit;
      found += hit;
    }
    element.hidden = found === 0 && active;
    hits += found;
    hitTurns += found > 0;
    all += own.length;
    if (active && found > 0 && hitTurns <= openedAtOnce) {
      element.open = true;
    }
  }
  const number = (count) => count.toLocaleString("en");
  by("hits").value = `${number(hits)} of ${number(all)} agent turns` +
    (active ? `, in ${number(hitTurns)} of ${number(turns.length)} turns` : "");
}

function all(open) {
  for (const { element } of turns) {
    element.open = open;
  }
}

function show(id) {
  const wanted = by(id);
  if (wanted && wanted.matches(".turn")) {
    wanted.open = true;
    wanted.scrollIntoView();
  }
}

let waiting;
by("words").addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 150);
});
inputs.slice(1).forEach((input) => input.addEventListener("change", filter));
by("open").addEventListener("click", () => all(true));
by("close").addEventListener("click", () => all(false));
addEventListener("hashchange", () => show(location.hash.slice(1)));
if (turns.length > 0) {
  turns[0].element.open = true;
}
document.querySelector(".controls").hidden = false;
filter();
show(location.hash.slice(1));
