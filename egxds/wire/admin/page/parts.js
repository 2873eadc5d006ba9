// The parts of the page that show how things are now. Each asks for what it shows, and for no more than a page of it.

import { ask } from "./asking.js";
import { el, none, place, show, table, text } from "./dom.js";

const PAGE = 50;
const SHOWN_ENVOYS = 100;
const GOOD_WHEN_FALSE = new Set(["Conflicted", "PartiallyInvalid", "OverlappingTLSConfig"]);
export const KINDS = [
  "HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute", "BackendTLSPolicy", "ListenerSet", "GatewayClass",
  "Backend", "Service", "EndpointSlice", "Secret", "ConfigMap", "ReferenceGrant", "every kind",
];

export const search = () => document.getElementById("search").value.trim();

function condition(one) {
  const isGood = (one.status === "True") !== GOOD_WHEN_FALSE.has(one.type);
  const reason = isGood ? "" : ` (${one.reason})`;
  const shown = text(`${one.type}: ${one.status}${reason}`, isGood ? "good" : "bad");
  return el("p", {}, shown, !isGood && one.message ? ` ${one.message}` : "");
}

function conditionsOf(status) {
  const own = (status && status.conditions) || [];
  const parents = ((status && (status.parents || status.ancestors)) || []).flatMap((parent) => {
    const ref = parent.parentRef || parent.ancestorRef || {};
    const name = [ref.name, ref.sectionName].filter(Boolean).join("/");
    return [el("p", { class: "soft" }, `at ${name}`), ...(parent.conditions || []).map(condition)];
  });
  return [...own.map(condition), ...parents];
}

const named = (item) =>
  item.metadata.namespace ? `${item.metadata.namespace}/${item.metadata.name}` : item.metadata.name;

function problem(one) {
  const style = one.severity === "error" ? "bad" : "warn";
  return el("p", {}, text(one.severity, style), " ", place(one.source), ` ${one.message}`);
}

function listeners(status) {
  return ((status && status.listeners) || []).map((one) =>
    el("div", {}, el("p", {}, el("strong", {}, one.name), ` ${one.attachedRoutes} routes`),
      (one.conditions || []).map(condition)));
}

const addresses = (status) => ((status && status.addresses) || []).map((one) => el("p", {}, one.value));

// A list of objects, a page at a time: the way back is kept, as the API only knows the way on.
export class ObjectList {
  constructor(section, columns, row, query) {
    Object.assign(this, { section, columns, row, query, before: [], after: "" });
  }

  first() {
    this.before = [];
    this.after = "";
  }

  async draw(part) {
    const wanted = { ...this.query(), search: search(), limit: PAGE, continue: this.after };
    const found = await ask("objects", wanted);
    const rows = found.items.map((item) => this.row(item));
    show(this.section, rows.length ? table(this.section, this.columns, rows) : none("None."));
    const turn = (change) => () => {
      change();
      part.due(0);
    };
    const back = turn(() => { this.after = this.before.pop(); });
    const on = turn(() => {
      this.before.push(this.after);
      this.after = found.continue;
    });
    document.querySelector(`#${this.section} .pages`).replaceChildren(
      this.before.length ? el("button", { type: "button", onclick: back }, "Back") : "",
      " ",
      found.continue ? el("button", { type: "button", onclick: on }, "More") : "");
  }
}

export const gateways = new ObjectList(
  "gateways",
  ["Gateway", "Addresses", "Listeners", "Conditions", "Source"],
  (item) => [named(item), addresses(item.status), listeners(item.status),
    [...conditionsOf(item.status), ...(item.problems || []).map(problem)], place(item.source)],
  () => ({ kind: "Gateway" }),
);

export const objects = new ObjectList(
  "objects",
  ["Kind", "Name", "Conditions and problems", "Source"],
  (item) => [item.kind, named(item), [...conditionsOf(item.status), ...(item.problems || []).map(problem)],
    place(item.source)],
  () => {
    const kind = document.getElementById("kind").value;
    return { kind: kind === "every kind" ? "" : kind };
  },
);

export async function drawProblems() {
  const found = await ask("problems", { search: search(), limit: PAGE });
  const rows = found.items.map((one) => [
    text(one.severity, one.severity === "error" ? "bad" : "warn"), place(one.source), one.object, one.message]);
  const columns = ["Severity", "Place", "Object", "What is wrong"];
  show("problems", rows.length ? table("problems", columns, rows) : none("None."),
    found.count > rows.length ? `the first ${rows.length} of ${found.count}` : "");
}

export const matches = (...texts) => texts.join(" ").toLowerCase().includes(search().toLowerCase());

export async function drawHooks() {
  const found = (await ask("hooks")).items.filter((one) =>
    matches(one.manager, one.hook, one.state, one.lastError, ...one.failed.map((each) => each.subject)));
  const rows = found.map((one) => [
    [one.manager, " ", one.hook].join(""),
    text(one.state, one.state === "healthy" ? "good" : one.state === "never called" ? "soft" : "bad"),
    one.onFailure, String(one.calls), String(one.consecutiveFailures),
    [one.loadError ? el("p", { class: "bad" }, one.loadError) : "",
      ...one.failed.map((each) => el("p", {}, `${each.subject} (${each.onFailure}): ${each.error} `,
        each.objects.map((object) => place(object.source)))),
      one.failed.length || !one.lastError ? "" : el("p", { class: "soft" }, `last: ${one.lastError}`)],
  ]);
  const columns = ["Hook", "State", "On failure", "Calls", "Failed in a row", "What fails"];
  show("hooks", rows.length ? table("hooks", columns, rows) : none("None."));
}

const STATES = { SYNCED: "good", STALE: "warn", NACKED: "bad", NOT_SENT: "soft" };

function types(envoy) {
  return envoy.types.map((one) => el("p", {}, `${one.type}: `, text(one.state, STATES[one.state])));
}

function refusals(envoy) {
  return envoy.types.flatMap((one) => one.refused.map((refused) =>
    el("p", {}, text(`${one.type} ${refused.name}`, "bad"), " ", refused.sources.slice(0, 3).map(place),
      ` ${refused.error}`)));
}

export async function drawEnvoys() {
  const all = (await ask("clients")).items.filter((one) => matches(one.id, one.cluster, one.peer, ...one.gateways));
  const rows = all.slice(0, SHOWN_ENVOYS).map((one) => [
    `${one.id || one.peer}${one.canary ? " (canary)" : ""}`, one.gateways.join(", "), one.connectedSince, types(one), refusals(one)]);
  const columns = ["Envoy", "Gateways", "Connected since", "State by type", "What it refuses"];
  show("envoys", rows.length ? table("Envoys", columns, rows) : none("None is connected."),
    all.length > rows.length ? `the first ${rows.length} of ${all.length}` : "");
}
