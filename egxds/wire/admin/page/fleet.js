// Replicas that follow the same store, and what some nodes are served first. Nothing tells when either is otherwise: while
// somebody looks, it is asked for again.

import { ask } from "./asking.js";
import { el, none, show, table, text } from "./dom.js";
import { matches } from "./parts.js";

const SHOWN_REPLICAS = 100;

function envoys(counts) {
  const total = counts.inSync + counts.pending + counts.refusing;
  const style = counts.refusing ? "bad" : counts.pending ? "warn" : "good";
  const refusing = counts.refusing ? `, ${counts.refusing} refuse something` : "";
  return text(`${counts.inSync} of ${total} in sync${refusing}`, style);
}

function state(one) {
  if (one.refused) return text(`does not follow: ${one.refused}`, "bad");
  if (one.isDraining) return text("draining", "warn");
  return one.isReady ? text("ready", "good") : text("not ready", "warn");
}

const replica = (one) => [
  `${one.name}${one.isSelf ? " (this one)" : ""}`, String(one.generation), state(one), envoys(one.envoys),
  `${one.cpuPercent} % of a core`, one.version, one.since];

function candidate(one) {
  const by = one.publishedBy || "somebody";
  const what = `Generation ${one.generation}, published by ${by}, for ${one.nodes.named} Envoys first: `;
  if (one.takenBack) {
    const back = one.takenBack;
    return [el("p", {}, what, text("taken back", "bad"), ` ${back.at} by ${back.by}: ${back.why}`)];
  }
  const left = one.promoteInS === null ? "" : `is promoted in ${one.promoteInS} s if no fault is found`;
  const { connected, taken, refused } = one.nodes;
  return [
    el("p", {}, what,
      text(`${taken} of ${connected} that are connected have taken it`, taken < connected ? "warn" : "good"),
      refused ? text(`, ${refused} have refused something of it`, "bad") : ""),
    el("p", { class: "soft" }, left || (one.waitsFor ? `waits: ${one.waitsFor}` : "")),
    el("p", { class: "soft" }, one.requests),
  ];
}

const fault = (words) => (words ? el("p", {}, text(words, "bad")) : "");

export async function drawFleet(part) {
  if (document.hidden) return;
  const { fleet, canary } = await ask("store");
  for (const one of document.querySelectorAll("#fleet, nav a[href='#fleet']")) one.hidden = !fleet;
  if (!fleet) return;
  const all = fleet.replicas.filter((one) => matches(one.name, one.version, one.refused));
  const rows = all.slice(0, SHOWN_REPLICAS).map(replica);
  const columns = ["Replica", "Generation", "State", "Envoys", "Load", "Version", "Since"];
  show("fleet", [
    ...(canary ? candidate(canary) : []), fault(fleet.fault), fault(fleet.recordFault), ...fleet.differences.map(fault),
    rows.length ? table("Fleet", columns, rows) : none("None."),
  ], all.length > rows.length ? `the first ${rows.length} of ${all.length}` : "");
  part.due();
}
