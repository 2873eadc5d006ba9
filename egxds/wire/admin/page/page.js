// The status page: asks once for how things are, and again for what an event says is otherwise.

import { Part } from "./asking.js";
import * as changes from "./changes.js";
import { el } from "./dom.js";
import { drawFleet } from "./fleet.js";
import { drawEnvoys, drawHooks, drawProblems, gateways, KINDS, objects, search } from "./parts.js";

const REPLAYED = 100;
const AGAIN_MS = 2000;

const parts = {
  problems: new Part(drawProblems),
  gateways: new Part(() => gateways.draw(parts.gateways)),
  objects: new Part(() => objects.draw(parts.objects)),
  hooks: new Part(drawHooks),
  envoys: new Part(drawEnvoys),
  fleet: new Part(() => drawFleet(parts.fleet)),
};

const CONCERNED = {
  change: ["gateways", "objects", "problems", "envoys", "hooks"],
  taken: ["envoys", "gateways"],
  refused: ["envoys", "gateways", "objects"],
  hooks: ["hooks", "gateways", "objects"],
  problems: ["problems", "objects", "gateways"],
  envoys: ["envoys"],
  missed: Object.keys(parts),
};

const due = (names, waitMs) => names.forEach((name) => parts[name].due(waitMs));

let source = null;
let lastId = "";
let process = "";

function say(words, style) {
  const live = document.getElementById("live");
  live.textContent = words;
  live.className = style;
}

function heard(message) {
  lastId = message.lastEventId || lastId;
  const event = JSON.parse(message.data);
  changes.add(event);
  changes.filter(search());
  due(CONCERNED[event.event]);
}

function hello(message) {
  const now = message.lastEventId.split("-")[0];
  // Generations begin anew with the daemon.
  if (process && process !== now) changes.clear();
  process = now;
  say(`live, egxds ${JSON.parse(message.data).version}`, "good");
  due(Object.keys(parts), 0);
}

function listen() {
  if (source) source.close();
  const query = lastId ? `after=${encodeURIComponent(lastId)}` : `replay=${REPLAYED}`;
  const opened = new EventSource(`/api/v1/events?${query}`);
  source = opened;
  opened.addEventListener("hello", hello);
  for (const kind of Object.keys(CONCERNED)) opened.addEventListener(kind, heard);
  opened.addEventListener("error", () => {
    say("the daemon does not answer; trying again…", "bad");
    if (opened.readyState === EventSource.CLOSED && source === opened && !document.hidden) setTimeout(listen, AGAIN_MS);
  });
}

// A browser has few connections to one server: who does not look keeps none.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    listen();
  } else if (source) {
    source.close();
    source = null;
    say("not looking", "soft");
  }
});

document.getElementById("kind").append(...KINDS.map((kind) => el("option", {}, kind)));
document.getElementById("kind").addEventListener("change", () => {
  objects.first();
  due(["objects"], 0);
});
document.getElementById("search-form").addEventListener("submit", (event) => event.preventDefault());
document.getElementById("search").addEventListener("input", () => {
  gateways.first();
  objects.first();
  changes.filter(search());
  due(Object.keys(parts), 150);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
    event.preventDefault();
    document.getElementById("search").focus();
  }
});
listen();
