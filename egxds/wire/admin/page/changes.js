// The last changes, newest first: what the events say, and on demand what has changed in the resources.

import { ask } from "./asking.js";
import { el, place, text } from "./dom.js";

const KEPT = 100;
const NAMED = 4;

const list = () => document.querySelector("#changes .content");
const byGeneration = new Map();

function some(items, count, make) {
  const shown = items.slice(0, NAMED).map(make).flatMap((one, index) => (index ? [", ", one] : [one]));
  return count > NAMED ? [...shown, ` and ${count - NAMED} more`] : shown;
}

const total = (listed) => listed.added + listed.changed + listed.removed;

function object(one) {
  const name = one.namespace ? `${one.namespace}/${one.name}` : one.name;
  return el("span", {}, `${one.kind} ${name} ${one.change} `, place(one.source));
}

function diffLine(line) {
  const style = { "+": "added", "-": "removed" }[line[0]] || "same";
  return el("span", { class: style }, line);
}

async function toggleDiff(button, entry, generation) {
  const open = entry.querySelector(".diff");
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    open.remove();
    return;
  }
  const box = el("div", { class: "diff" });
  entry.append(box);
  try {
    const found = await ask("changes", { generation });
    box.append(...found.items.flatMap((one) => [
      el("p", {}, el("strong", {}, `${one.type} ${one.name}`), ` ${one.change}`, one.note ? `: ${one.note}` : ""),
      one.diff.length ? el("pre", { tabindex: "0" }, one.diff.map(diffLine)) : ""]).filter(Boolean));
    if (found.omitted) box.append(el("p", { class: "soft" }, `and ${found.omitted} more resources`));
  } catch (error) {
    box.append(el("p", { class: "soft" }, error.message));
  }
}

function change(event) {
  const resources = event.resources;
  const steps = [
    some(event.files, event.files.length, (file) => el("span", { class: "place" }, file)),
    some(event.objects.items, total(event.objects), object),
    some(resources.items, total(resources), (one) => text(`${one.type} ${one.name} ${one.change}`)),
  ].filter((step) => step.length).flatMap((step, index) => (index ? [" → ", ...step] : step));
  if (event.generation === null) return [...steps, text(" (nothing that Envoys are served changes)", "soft")];
  const outcome = event.outcome && event.outcome !== "accepted" ? [" ", text(event.outcome, "bad")] : [];
  const took = event.publishedMs === null ? "" : ` after ${event.publishedMs} ms`;
  return [el("strong", {}, `generation ${event.generation} of ${event.gateway}`), took, ...outcome, ": ", ...steps, " "];
}

function taken(event) {
  const nodes = some(event.items, event.count, (one) => text(`${one.node} after ${one.ms} ms`));
  return el("p", { class: "good" }, "taken by ", ...nodes);
}

const MAKERS = {
  change,
  refused: (event) => [
    ...event.begun.map((one) => el("p", {}, text(`${one.node} refuses ${one.type} ${one.name} `, "bad"),
      one.sources.slice(0, 1).map(place), ` ${one.error}`)),
    ...event.over.map((one) => el("p", {}, `${one.node} refuses ${one.type} ${one.name} no more`))],
  hooks: (event) => [
    text(`hooks of ${event.gateway}: ${event.outcome}`, event.outcome === "accepted" ? "good" : "bad"),
    ...event.begun.map((one) => el("p", {}, `${one.hook} hook of ${one.manager} on ${one.subject} fails `,
      one.sources.slice(0, 1).map(place), ` ${one.error}`)),
    event.overCount ? el("p", {}, `${event.overCount} that failed do not any more`) : ""],
  problems: (event) => [
    ...event.appeared.map((one) => el("p", {}, text(one.severity, one.severity === "error" ? "bad" : "warn"), " ",
      place(one.source), ` ${one.object} ${one.message}`)),
    ...event.solved.map((one) => el("p", {}, text("solved", "good"), " ", place(one.source), ` ${one.message}`))],
  envoys: (event) => [
    event.connectedCount ? text(`connected: ${event.connected.join(", ")} `, "good") : "",
    event.leftCount ? text(`left: ${event.left.join(", ")}`, "warn") : ""],
  missed: (event) => [text(`${event.count} events are missing here`, "warn")],
};

export function add(event) {
  if (event.event === "taken") {
    const entry = byGeneration.get(event.generation);
    if (entry) entry.insertBefore(taken(event), entry.querySelector(".diff"));
    return;
  }
  const make = MAKERS[event.event];
  if (!make) return;
  const when = event.time ? new Date(event.time) : new Date();
  const entry = el("li", {}, el("time", { datetime: when.toISOString() }, when.toLocaleTimeString()), make(event));
  if (event.event === "change" && event.generation !== null) {
    byGeneration.set(event.generation, entry);
    const button = el("button", { type: "button", "aria-expanded": "false",
      onclick: () => toggleDiff(button, entry, event.generation) }, "Diff");
    entry.append(button);
  }
  list().prepend(entry);
  while (list().children.length > KEPT) list().lastElementChild.remove();
  for (const [generation, known] of byGeneration) {
    if (!known.isConnected) byGeneration.delete(generation);
  }
}

export function clear() {
  byGeneration.clear();
  list().replaceChildren();
}

export function filter(wanted) {
  for (const entry of list().children) {
    entry.hidden = Boolean(wanted) && !entry.textContent.toLowerCase().includes(wanted.toLowerCase());
  }
}
