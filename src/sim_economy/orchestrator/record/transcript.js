"use strict";
const turns = document.querySelectorAll("details.turn");
const scenes = document.querySelectorAll(".scene");
const chosen = document.getElementById("agent");
function filter() {
  for (const scene of scenes) {
    scene.hidden = chosen.value !== "" && scene.dataset.agent !== chosen.value;
  }
}
function all(open) {
  for (const turn of turns) {
    turn.open = open;
  }
}
chosen.addEventListener("change", filter);
document.getElementById("open").addEventListener("click", () => all(true));
document.getElementById("close").addEventListener("click", () => all(false));
const wanted = document.getElementById(location.hash.slice(1)) || turns[0];
if (wanted && wanted.matches("details.turn")) {
  wanted.open = true;
}
filter();
