// The status page: shows what /live tells, and chats over /chat.
//
// Rules of this file
// - Nobody's text becomes markup: text goes into text nodes alone, and the policy of the page refuses anything else.
// - What has not changed is not touched, so that focus, selection and screen readers stay where they are.
// - The key is kept in sessionStorage, for this tab, and sent in the header that every client of Maek uses.

import { WORDS } from "./words.js";

const LEVELS = ["free", "normal", "busy", "very_busy", "unavailable"];
const TONES = ["bad", "warn", "info", "good"]; // the worst first
const MOST_ALERTS = 6;
const MOST_DECISIONS = 30;
const FILTER_FROM = 9; // with fewer servers than this a filter is in the way
const SILENCE_MS = 25000; // Maek says something every ten seconds
const HIDDEN_MS = 20000; // whoever does not look is not told
const OWN_MS = 4000; // between two looks at jobs and drafts
const MOST_OWN = 8;
const ANNOUNCED_CHARS = 400; // a longer answer is read by going there, not announced as a whole

// ---- Small things

const $ = (id) => document.getElementById(id);

/** An element with classes, attributes and children; children that are not elements are text. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name === "cls" ? "class" : name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** Puts text there if it is not there yet. */
function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function attribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function remembered(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function remember(name, value) {
  try { localStorage.setItem(name, value); } catch { /* storage is switched off: the choice lasts as long as the page */ }
}

const key = {
  shown: null, // where sessionStorage is switched off, the key lasts as long as the page
  get() { try { return sessionStorage.getItem("maek-key") ?? this.shown; } catch { return this.shown; } },
  set(value) {
    this.shown = value;
    try { value === null ? sessionStorage.removeItem("maek-key") : sessionStorage.setItem("maek-key", value); } catch { /* see above */ }
    $("forget").hidden = value === null;
  },
};

let language = remembered("maek-language") === "ko" ? "ko" : remembered("maek-language") === "en" ? "en" : document.documentElement.lang === "ko" ? "ko" : "en";

function t(name, values = {}) {
  return WORDS[language][name].replace(/\{(\w+)\}/g, (_, slot) => String(values[slot]));
}

/** What a code is called; the code itself where nobody has named it: the server may be newer than this page. */
function word(kind, code) {
  const known = WORDS[language][kind];
  return Object.hasOwn(known, code) ? known[code] : String(code).replaceAll("_", " ");
}

/** Why a stage decided so: the code's own words, or those of its kind (`infra_status` is one of `infra_`). */
function reasonWord(code) {
  const kind = code.replace(/_.*$/, "_");
  return Object.hasOwn(WORDS[language].reason, code) ? word("reason", code) : word("reason", Object.hasOwn(WORDS[language].reason, kind) ? kind : code);
}

function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (Math.round(ms) < 1000) return t("ms", { n: ms < 10 ? ms.toFixed(1) : Math.round(ms) });
  return t("seconds", { n: ms < 10000 ? (ms / 1000).toFixed(1) : Math.round(ms / 1000) });
}

const IN_SECONDS = new Set(["silence", "inference_latency", "health_latency", "probe_age"]);

function signalValue(name, value) {
  if (value === null || value === undefined) return "–";
  if (IN_SECONDS.has(name)) return duration(value * 1000);
  if (name === "kv_usage") return `${Math.round(value * 100)}%`;
  if (name === "slowdown") return `×${value.toFixed(1)}`;
  return String(Number(value.toPrecision(4)));
}

function clockTime(iso) {
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

function announce(text) {
  put($("announcer"), text);
}

/** Children in this order, moved only where they stand elsewhere; focus survives the move. */
function arrange(parent, nodes) {
  const focused = document.activeElement;
  const inside = parent.contains(focused);
  nodes.forEach((node, place) => {
    if (parent.children[place] !== node) parent.insertBefore(node, parent.children[place] ?? null);
  });
  while (parent.children.length > nodes.length) parent.lastElementChild.remove();
  if (inside && document.activeElement !== focused && parent.contains(focused)) focused.focus({ preventScroll: true });
}

// ---- Asking Maek

class Refused extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `HTTP ${status}`);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  const shown = key.get();
  const headers = shown === null ? {} : { authorization: `Bearer ${shown}` };
  const response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  if (response.status === 401) openDoor(shown !== null);
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => null));
  return response;
}

/** The server-sent events of an answer, as they come. `alive` is called for every chunk. */
async function* eventsOf(response, alive = () => {}) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    alive();
    held += value;
    const parts = held.split("\n\n"); // Maek ends its lines with LF
    held = parts.pop();
    for (const part of parts) {
      let name = "message";
      const data = [];
      for (const line of part.split("\n")) {
        if (line.startsWith("event: ")) name = line.slice(7);
        else if (line.startsWith("data: ")) data.push(line.slice(6));
      }
      if (data.length) yield { name, data: JSON.parse(data.join("\n")) };
    }
  }
}

// ---- The door

function openDoor(wasWrong) {
  key.set(null);
  put($("door-error"), wasWrong ? t("door_wrong") : "");
  if (!$("door").open) $("door").showModal();
  $("key").focus();
}

$("door-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = $("key").value.trim();
  if (!given) return;
  key.set(given);
  $("key").value = "";
  $("door").close();
  watcher.restart();
});
$("door").addEventListener("cancel", (event) => event.preventDefault());
$("forget").addEventListener("click", () => {
  key.set(null);
  forgetEverything();
  watcher.restart();
});

// ---- What is known

const fleet = { backends: new Map(), names: [], roles: {}, chats: null, history: {} };
const decisions = new Map();

function forgetEverything() {
  fleet.backends.clear();
  Object.assign(fleet, { names: [], roles: {}, chats: null, history: {} });
  decisions.clear();
  Object.assign(drafts, { list: [], told: "" });
  Object.assign(jobs, { list: [], told: "" });
  chat.clear();
  paint();
}

const TOLD = {
  hello() {},
  fleet(data) {
    for (const backend of data.changed) fleet.backends.set(backend.name, backend);
    for (const name of fleet.backends.keys()) if (!data.names.includes(name)) fleet.backends.delete(name);
    Object.assign(fleet, { names: data.names, roles: data.roles, chats: data.chats });
    paintFleet();
  },
  history(data) {
    fleet.history = data.backends;
    paintHistory();
  },
  decisions(data) {
    for (const one of data.changed) decisions.set(one.id, one);
    for (const id of [...decisions.keys()].slice(0, -MOST_DECISIONS)) decisions.delete(id);
    paintDecisions();
  },
};

// ---- Watching

const watcher = {
  connection: null,
  failures: 0,
  timer: null,
  everTold: false,

  async start() {
    if (this.connection || $("door").open) return;
    clearTimeout(this.timer);
    const connection = new AbortController();
    this.connection = connection;
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => connection.abort(), SILENCE_MS);
    };
    let refused = null;
    try {
      alive();
      const response = await ask("live", { signal: connection.signal });
      for await (const { name, data } of eventsOf(response, alive)) {
        if (name === "hello") this.begin();
        if (Object.hasOwn(TOLD, name)) TOLD[name](data);
      }
    } catch (error) {
      refused = error instanceof Refused ? error.status : null;
      if (!(error instanceof Refused || error instanceof TypeError || error.name === "AbortError")) console.error(error);
    }
    clearTimeout(watchdog);
    if (this.connection !== connection) return; // somebody has put another one in its place
    this.connection = null;
    if (refused === 401) return; // the door is open, and whoever comes in starts again
    this.again(refused);
  },

  /** A new stream tells everything from the beginning: what was known before it is known no more. */
  begin() {
    this.failures = 0;
    this.everTold = true;
    fleet.backends.clear();
    decisions.clear();
    show("live");
  },

  again(refused) {
    show(refused === 429 || refused === 503 ? "full" : "lost");
    const wait = Math.min(8000, 400 * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures += 1;
    this.timer = setTimeout(() => this.start(), wait);
  },

  stop() {
    clearTimeout(this.timer);
    const connection = this.connection;
    this.connection = null;
    connection?.abort();
  },

  restart() {
    this.stop();
    this.failures = 0;
    this.start();
    lookAtOwn();
  },
};

function show(what) {
  put($("connection"), t(what));
  $("connection").dataset.is = what === "full" ? "lost" : what;
  $("connection").dataset.word = what;
  document.querySelector("main").classList.toggle("stale", what !== "live");
}

let hiding;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) hiding = setTimeout(() => { watcher.stop(); show("paused"); }, HIDDEN_MS);
  else if (!watcher.connection) watcher.restart();
});
window.addEventListener("online", () => { if (!watcher.connection) watcher.restart(); });

// ---- Servers

const rows = new Map();

/** The one word for a backend, and whether that keeps requests away. */
function standing(backend) {
  if (backend.state === null) return ["unknown", "hold"];
  if (backend.state !== "ready") return [backend.state, backend.state === "down" ? "off" : "hold"];
  if (backend.circuit !== "closed") return [backend.circuit, "hold"];
  return backend.resting ? ["resting", "hold"] : ["ready", ""];
}

function makeRow(name) {
  const id = `backend-${rows.size}-${Math.random().toString(36).slice(2, 8)}`;
  const parts = {
    open: el("button", { type: "button", cls: "open", "aria-expanded": "false", "aria-controls": id, onclick: () => toggleDetail(name) }),
    models: el("span", { cls: "sub" }),
    state: el("td", { cls: "state", role: "cell" }),
    meter: el("span", { cls: "meter", "aria-hidden": "true" }, el("i"), el("i"), el("i"), el("i")),
    levelWord: el("span"), setBy: el("span", { cls: "sub" }),
    inFlight: el("b"), slots: el("span", { cls: "muted" }), waiting: el("span", { cls: "sub" }),
    measured: el("span"), predicted: el("span", { cls: "sub" }),
    hour: el("td", { cls: "hour", role: "cell" }),
  };
  put(parts.open, name);
  parts.level = el("td", { cls: "level", role: "cell" }, el("span", { cls: "word" }, parts.meter, parts.levelWord), parts.setBy);
  parts.row = el("tr", { cls: "one", role: "row" },
    el("td", { cls: "name", role: "cell" }, parts.open, parts.models),
    parts.state, parts.level,
    (parts.count = el("td", { cls: "count", role: "cell" }, parts.inFlight, " ", parts.slots, parts.waiting)),
    (parts.ttft = el("td", { cls: "count ttft", role: "cell" }, parts.measured, parts.predicted)),
    parts.hour);
  parts.facts = el("div");
  parts.drain = el("button", { type: "button", onclick: () => sure.ask(name) });
  parts.told = "";
  parts.detailCell = el("td", { role: "cell", colspan: "6" }, parts.facts, el("div", { cls: "deeds" }, parts.drain));
  parts.detail = el("tr", { cls: "detail", role: "row", id, hidden: true }, parts.detailCell);
  return parts;
}

function paintRow(backend, parts) {
  const [state, kind] = standing(backend);
  const roles = Object.entries(backend.roles).map(([role, model]) => `${role}: ${model}`).join(", ");
  const shownModels = roles || backend.models.slice(0, 2).join(", ") || t("no_model");
  put(parts.models, [backend.simulated ? t("simulated") : backend.engine, shownModels].filter(Boolean).join(" · "));
  attribute(parts.count, "data-label", t("col_load")); // where there is no room for the head of the table
  attribute(parts.ttft, "data-label", t("col_ttft"));
  put(parts.state, word("state", state));
  attribute(parts.state, "class", `state ${kind}`.trim());
  const level = backend.level ?? "unknown";
  attribute(parts.level, "class", `level level-${level}`);
  put(parts.levelWord, backend.level === null ? "–" : word("level", level));
  const reached = level === "unavailable" ? 0 : LEVELS.indexOf(level) + 1;
  [...parts.meter.children].forEach((bar, place) => bar.classList.toggle("on", place < reached));
  const set = backend.set_by;
  const says = set !== null && level !== "free" && level !== "unavailable" && Object.hasOwn(backend.signals, set);
  put(parts.setBy, says ? t("sets", { signal: word("signals", set), value: signalValue(set, backend.signals[set]) }) : level === "unavailable" && backend.probe_outcome ? word("probe", backend.probe_outcome) : "");
  put(parts.inFlight, String(backend.in_flight));
  put(parts.slots, backend.slots === null ? "" : t("of_slots", { n: Math.round(backend.slots) }));
  put(parts.waiting, backend.waiting ? t("waits", { n: backend.waiting }) : "");
  put(parts.measured, backend.measured_ttft_ms === null ? "–" : duration(backend.measured_ttft_ms));
  put(parts.predicted, backend.predicted_ttft_ms === null ? "" : `${t("expected")} ${duration(backend.predicted_ttft_ms)}`);
  if (!parts.detail.hidden) paintDetail(backend, parts);
}

function toggleDetail(name) {
  const parts = rows.get(name);
  parts.detail.hidden = !parts.detail.hidden;
  attribute(parts.open, "aria-expanded", String(!parts.detail.hidden));
  const backend = fleet.backends.get(name);
  if (!parts.detail.hidden && backend) paintDetail(backend, parts);
}

function fact(name, value) {
  return el("div", {}, el("dt", {}, t(name)), el("dd", {}, value));
}

function paintDetail(backend, parts) {
  const told = language + JSON.stringify([backend, fleet.history[backend.name]?.ttft_ms]);
  if (told === parts.told) return;
  parts.told = told;
  put(parts.drain, t(backend.draining ? "undrain" : "drain"));
  const models = backend.models.join(", ") + (backend.more_models ? ` ${t("more", { n: backend.more_models })}` : "");
  const facts = el("dl", { cls: "facts" },
    fact("address", backend.url),
    fact("engine", [backend.engine ?? "–", backend.engine_version].filter(Boolean).join(" ")),
    fact("models", models || t("none")),
    backend.in_memory.length ? fact("in_memory", backend.in_memory.join(", ")) : null,
    fact("circuit", word("circuits", backend.circuit)),
    fact("health", `${backend.probe_outcome === null ? "–" : word("probe", backend.probe_outcome)}, ${duration(backend.latency_ms)}`),
    fact("last_failure", backend.last_failure === null ? t("none") : word("outcome", backend.last_failure)),
    fact("ttft_hour", ttftTrace(fleet.history[backend.name])));
  const lines = Object.entries(backend.signals).map(([name, value]) => {
    const steps = (backend.thresholds[name] ?? []).map((step) => signalValue(name, step)).join(" · ");
    return el("tr", { cls: name === backend.set_by ? "sets" : "" }, el("td", {}, word("signals", name)), el("td", {}, signalValue(name, value)), el("td", { cls: "muted" }, steps));
  });
  const table = el("table", { cls: "signals" },
    el("thead", {}, el("tr", {}, ...["signal", "now", "from"].map((name) => el("th", { scope: "col" }, t(name))))), el("tbody", {}, ...lines));
  parts.facts.replaceChildren(facts, ...(lines.length ? [table] : []));
}

function paintFleet() {
  for (const [name, parts] of rows) {
    if (!fleet.backends.has(name)) { parts.row.remove(); parts.detail.remove(); rows.delete(name); }
  }
  for (const [name, backend] of fleet.backends) {
    let parts = rows.get(name);
    if (!parts) {
      rows.set(name, (parts = makeRow(name)));
      paintHour(name, parts);
    }
    paintRow(backend, parts);
  }
  const wanted = $("filter").value.trim().toLowerCase();
  let names = fleet.names.filter((name) => matches(fleet.backends.get(name), wanted));
  if ($("busiest").checked) names = names.toSorted((a, b) => strain(fleet.backends.get(b)) - strain(fleet.backends.get(a)));
  arrange($("fleet"), names.flatMap((name) => [rows.get(name).row, rows.get(name).detail]));
  $("server-controls").hidden = fleet.names.length < FILTER_FROM;
  $("no-servers").hidden = names.length > 0;
  put($("no-servers"), t(!watcher.everTold ? "connecting" : fleet.names.length ? "none_match" : "no_servers"));
  paintFigures();
  paintAlerts();
  paintRoles();
}

function matches(backend, wanted) {
  if (!wanted) return true;
  return [backend.name, backend.engine ?? "", word("level", backend.level ?? ""), word("state", standing(backend)[0]), ...Object.values(backend.roles)]
    .some((text) => text.toLowerCase().includes(wanted));
}

function strain(backend) {
  return LEVELS.indexOf(backend.level) * 1e6 + backend.in_flight;
}

function paintFigures() {
  const all = [...fleet.backends.values()];
  const up = all.filter((backend) => backend.verdict === "up").length;
  $("figure-up").replaceChildren(String(up), " ", el("small", {}, `/ ${all.length}`));
  put($("figure-in-flight"), String(all.reduce((sum, backend) => sum + backend.in_flight, 0)));
  put($("figure-waiting"), String(fleet.chats?.waiting ?? "–"));
  put($("figure-chats"), (fleet.chats?.total ?? 0).toLocaleString(language));
}

// ---- Draining, with a question before it

const sure = {
  backend: null,

  ask(name) {
    this.backend = fleet.backends.get(name);
    if (!this.backend) return;
    put($("sure-error"), "");
    this.paint();
    $("sure").showModal();
    $("sure-no").focus(); // whoever presses Enter without reading changes nothing
  },

  paint() {
    if (this.backend === null) return;
    const { name, draining, in_flight: n } = this.backend;
    const alone = Object.entries(fleet.roles)
      .filter(([, serving]) => serving.some((one) => one.backend === name && one.able) && !serving.some((one) => one.backend !== name && one.able))
      .map(([role]) => role);
    const told = [t("drain_why"), n ? t("drain_running", { n }) : null, alone.length ? t("drain_last", { roles: alone.join(", ") }) : null];
    put($("sure-title"), t(draining ? "undrain_title" : "drain_title", { name }));
    put($("sure-why"), draining ? t("undrain_why") : told.filter(Boolean).join(" "));
    put($("sure-yes"), t(draining ? "undrain" : "drain"));
  },

  async doIt() {
    const { name, draining } = this.backend;
    try {
      await ask(`backends/${encodeURIComponent(name)}/${draining ? "undrain" : "drain"}`, { method: "POST" });
      $("sure").close();
    } catch (error) {
      if (error instanceof Refused && error.status === 401) $("sure").close(); // the door stands open already
      else put($("sure-error"), error instanceof Refused ? error.message : t("lost"));
    }
  },
};
$("sure-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sure.doIt();
});
$("sure-no").addEventListener("click", () => $("sure").close());

// ---- Alerts, in words

const alertLines = new Map();

function troubles() {
  const found = [];
  const all = [...fleet.backends.values()];
  const down = all.filter((backend) => backend.state === "down");
  for (const [role, serving] of Object.entries(fleet.roles)) {
    if (!serving.length) found.push(["info", t("nobody_set_up", { role })]);
    else if (!serving.some((one) => one.able)) found.push(["bad", t("nobody_serves", { role })]);
  }
  if (down.length > 3) found.push(["bad", t("are_down", { n: down.length, names: down.slice(0, 5).map((one) => one.name).join(", ") + (down.length > 5 ? ` ${t("more", { n: down.length - 5 })}` : "") })]);
  else for (const { name, probe_outcome } of down) found.push(["bad", t("is_down", { name, why: word("probe", probe_outcome ?? "–") })]);
  for (const backend of all) {
    if (backend.state === "down") continue;
    if (backend.draining) found.push(["info", t("is_draining", { name: backend.name })]);
    if (backend.state === "loading") found.push(["info", t("is_loading", { name: backend.name })]);
    if (backend.circuit === "open") found.push(["warn", t("circuit_is_open", { name: backend.name })]);
    if (backend.level === "very_busy") found.push(["warn", t("is_very_busy", { name: backend.name, why: word("signals", backend.set_by ?? "–") })]);
  }
  if (fleet.chats?.waiting) found.push(["warn", t("in_line", { n: fleet.chats.waiting })]);
  if (all.length && all.every((backend) => backend.simulated)) found.push(["info", t("only_simulator")]);
  if (!found.length && all.length) found.push(["good", t("well")]);
  found.sort(([a], [b]) => TONES.indexOf(a) - TONES.indexOf(b));
  if (found.length > MOST_ALERTS) found.splice(MOST_ALERTS - 1, found.length, ["warn", t("more", { n: found.length - MOST_ALERTS + 1 })]);
  return found;
}

function paintAlerts() {
  const wanted = new Map(troubles().map(([tone, text]) => [`${tone} ${text}`, [tone, text]]));
  for (const [name, line] of alertLines) if (!wanted.has(name)) { line.remove(); alertLines.delete(name); }
  for (const [name, [tone, text]] of wanted) {
    if (!alertLines.has(name)) alertLines.set(name, el("li", { cls: `tone-${tone}` }, el("b", {}, t(`alert_${tone}`)), el("span", {}, text)));
  }
  arrange($("alerts"), [...wanted.keys()].map((name) => alertLines.get(name)));
}

// ---- The last hour

const WIDE = 124, HIGH = 28, MINUTES = 60;

function paintHistory() {
  for (const [name, parts] of rows) {
    paintHour(name, parts);
    const backend = fleet.backends.get(name);
    if (!parts.detail.hidden && backend) paintDetail(backend, parts);
  }
}

/** Bars: as high as the most requests in flight of that minute, and coloured by its level. */
function paintHour(name, parts) {
  const line = fleet.history[name];
  const picture = svg("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", role: "img" });
  picture.append(svg("line", { class: "floor", x1: 0, x2: WIDE, y1: HIGH - 0.5, y2: HIGH - 0.5 }));
  const minutes = new Map();
  const most = Math.max(0, ...(line?.in_flight ?? []));
  (line?.level ?? []).forEach((level, place, all) => {
    if (level === null) return;
    minutes.set(level, [...(minutes.get(level) ?? []), [MINUTES - all.length + place, line.in_flight[place] ?? 0]]);
  });
  const step = WIDE / MINUTES;
  for (const [level, points] of minutes) {
    const d = points.map(([place, busy]) => {
      const high = 3 + (HIGH - 5) * (busy / Math.max(most, 4));
      return `M${(place * step).toFixed(2)} ${HIGH - 1}v${(-high).toFixed(2)}h${(step - 0.5).toFixed(2)}v${high.toFixed(2)}z`;
    });
    picture.append(svg("path", { class: `l${level}`, d: d.join("") }));
  }
  const told = [...minutes].toSorted(([a], [b]) => a - b).map(([level, points]) => t("minutes", { level: word("level", LEVELS[level]), n: points.length }));
  const said = told.length ? t("hour_said", { n: line.level.length, most, levels: told.join(", ") }) : t("hour_none");
  picture.setAttribute("aria-label", said);
  const title = svg("title", {});
  title.textContent = said;
  picture.prepend(title);
  parts.hour.replaceChildren(picture);
}

function ttftTrace(line) {
  const known = (line?.ttft_ms ?? []).map((ms, place, all) => [MINUTES - all.length + place, ms]).filter(([, ms]) => ms !== null);
  if (known.length < 2) return known.length ? duration(known[0][1]) : t("first_seen");
  const most = Math.max(...known.map(([, ms]) => ms));
  const picture = svg("svg", { class: "spark", viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const points = known.map(([place, ms]) => `${((place * WIDE) / (MINUTES - 1)).toFixed(1)},${(HIGH - 2 - (HIGH - 4) * (ms / most)).toFixed(1)}`);
  picture.append(svg("polyline", { class: "trace", points: points.join(" ") }));
  return el("span", {}, picture, el("span", { cls: "sub" }, `${duration(Math.min(...known.map(([, ms]) => ms)))} – ${duration(most)}`));
}

// ---- Decisions

const decisionLines = new Map();

/** Which stage decided, and by what; the classifier gives no reason beside itself. */
function reasonOf({ source, reason }) {
  const stage = word("source", source);
  return reason === "classifier" ? stage : t("by", { source: stage, reason: reasonWord(reason) });
}

/** Why a backend got a request, in a sentence. */
function because({ policy, able, tied, won, next, left_out: left, more_left_out: more, panic }) {
  const parts = [];
  if (won === null) parts.push(t("because_nobody"));
  else {
    const said = { backend: won.backend, by: word("by_policy", policy), cost: won.cost };
    if (able <= 1) parts.push(t("because_only", said));
    else if (won.cost === null) parts.push(t("because_by", said));
    else if (tied > 1) parts.push(t("because_tied", { ...said, n: tied - 1 }));
    else if (next === null || next.cost === null) parts.push(t("because_by", said));
    else parts.push(t("because_cost", { ...said, next: next.backend, next_cost: next.cost }));
  }
  const names = left.map((one) => `${one.backend} (${word("excluded", one.why)})`);
  if (more) names.push(t("more", { n: more }));
  if (names.length) parts.push(t("left_out", { list: names.join(", ") }));
  if (panic) parts.push(t("panic"));
  return parts.join("; ");
}

/** The same of a whole record, which has everybody who was considered, the best first. */
function choiceOf(why, winner) {
  const row = (one) => ({ backend: one.backend, cost: one.cost === null ? null : Number(one.cost.toFixed(2)) });
  const able = why.considered.filter((one) => one.excluded === null);
  const won = able.find((one) => one.backend === winner) ?? null;
  const next = able.find((one) => one !== won) ?? null;
  const tied = won === null || won.cost === null ? 0 : able.filter((one) => one.cost !== null && one.cost <= won.cost).length;
  return { policy: why.policy, able: able.length + (why.not_shown.able ?? 0), tied, won: won && row(won), next: next && row(next), left_out: [], more_left_out: 0, panic: why.panic };
}

function whatWasDecided(one) {
  if (one.action === null) return [el("b", {}, one.asked_for), el("span", { cls: "sub" }, t("named"))];
  const tool = one.tool === null ? "" : ` ${one.tool}.${one.operation}`;
  return [el("b", {}, word("action", one.action) + tool), el("span", { cls: "sub" }, reasonOf(one))];
}

function whoAnswered(one) {
  if (one.backend === null) return [el("span", { cls: "muted" }, one.error === null ? t("nobody_asked") : "–")];
  const notes = [one.model, one.load === null ? null : word("level", one.load), one.attempts > 1 ? t("tries", { n: one.attempts }) : null];
  return [el("span", {}, one.backend), el("span", { cls: "sub" }, notes.filter(Boolean).join(" · "))];
}

function howLong(one) {
  if (one.error !== null) return [el("span", { cls: "failed" }, word("error", one.error))];
  if (one.outcome !== null && one.outcome !== "ok") return [el("span", { cls: "failed" }, word("outcome", one.outcome))];
  if (one.running) return [el("span", {}, t("runs"))];
  if (one.backend === null) return [el("span", { cls: "muted" }, one.tools.length ? t("total", { t: duration(one.tools.reduce((sum, step) => sum + step.total_ms, 0)) }) : "–")];
  const compared = one.predicted_ttft_ms !== null && one.first_token_ms !== null;
  return [el("span", {}, t("total", { t: duration(one.total_ms) })),
    el("span", { cls: "sub" }, compared ? t("expected_took", { a: duration(one.predicted_ttft_ms), b: duration(one.first_token_ms) }) : duration(one.first_token_ms))];
}

function paintDecisions() {
  for (const [id, line] of decisionLines) if (!decisions.has(id)) { line.item.remove(); decisionLines.delete(id); }
  for (const [id, one] of decisions) {
    const told = language + JSON.stringify(one);
    let line = decisionLines.get(id);
    if (!line) decisionLines.set(id, (line = makeDecision(id)));
    if (line.told === told) continue;
    line.told = told;
    put(line.open, clockTime(one.at));
    attribute(line.open, "aria-label", `${clockTime(one.at)} ${t("why")}`);
    line.what.replaceChildren(...whatWasDecided(one));
    line.who.replaceChildren(...whoAnswered(one));
    line.took.replaceChildren(...howLong(one));
    put(line.because, one.choice ? because(one.choice) : "");
  }
  arrange($("decision-list"), [...decisions.keys()].reverse().map((id) => decisionLines.get(id).item));
  $("no-decisions").hidden = decisions.size > 0;
}

function makeDecision(id) {
  const line = { told: null, what: el("div", { cls: "what" }), who: el("div", { cls: "who" }), took: el("div", { cls: "took" }), because: el("div", { cls: "because" }) };
  const why = el("div", { cls: "why", id: `why-${id}`, hidden: true });
  line.open = opener(id, why);
  line.item = el("li", {}, el("div", { cls: "line" }, line.open, line.what, line.who, line.took, line.because), why);
  return line;
}

/** A button that opens and closes why a decision came out as it did. */
function opener(id, why, text = "") {
  const button = el("button", { type: "button", cls: "open", "aria-expanded": "false", "aria-controls": why.id, onclick: async () => {
    why.hidden = !why.hidden;
    attribute(button, "aria-expanded", String(!why.hidden));
    if (!why.hidden) await explain(id, why);
  } }, text);
  return button;
}

async function explain(id, place) {
  try {
    const record = await (await ask(`decisions/${encodeURIComponent(id)}`)).json();
    place.replaceChildren(...explained(record));
  } catch (error) {
    place.replaceChildren(el("p", {}, error instanceof Refused && error.status === 404 ? t("why_gone") : error instanceof Refused ? error.message : t("lost")));
  }
}

function explained(record) {
  const parts = [];
  const { decision } = record;
  if (decision === null) parts.push(el("p", {}, `${record.asked_for}: ${t("named")}.`));
  else {
    const surely = decision.confidence < 1 ? `, ${t("sure", { n: Math.round(decision.confidence * 100) })}` : "";
    parts.push(el("p", {}, `${word("action", decision.action)}. ${reasonOf(decision)}${surely}.`));
    if (decision.fallbacks.length) parts.push(el("p", { cls: "muted" }, t("fell_back", { list: decision.fallbacks.map(fellBack).join(", ") })));
  }
  for (const step of record.tools) parts.push(el("p", {}, `${step.tool}.${step.operation}: ${word("tool", step.outcome)}, ${duration(step.total_ms)}`));
  if (record.error !== null) parts.push(el("p", { cls: "failed" }, word("error", record.error)));
  const journeys = [record.deciding, ...record.earlier_rounds, record.answering];
  for (const journey of journeys) {
    for (const attempt of journey.attempts) parts.push(...choice(attempt, attempt.backend));
    if (journey.nobody !== null) parts.push(...choice(journey.nobody, null));
  }
  if (!journeys.some((journey) => journey.attempts.length || journey.nobody)) parts.push(el("p", { cls: "muted" }, t("nobody_asked")));
  return parts;
}

/** A stage that was tried before: `llm: timeout`. */
function fellBack(text) {
  const [stage, why] = text.split(": ");
  return `${word("source", stage)} (${word("undecided", why ?? "")})`;
}

function choice(why, winner) {
  const body = why.considered.map((one) => {
    const won = one.backend === winner;
    const name = el("td", {}, one.backend + (won ? ` (${t("won")})` : ""));
    if (one.excluded !== null) return el("tr", {}, name, el("td", { cls: "muted", colspan: "3" }, word("excluded", one.excluded)));
    const guess = one.measured ? "" : ` (${t("guess")})`;
    return el("tr", { cls: won ? "won" : "" }, name, el("td", {}, duration(one.predicted_ttft_ms) + guess), el("td", {}, duration(one.predicted_e2e_ms)), el("td", { cls: "right" }, one.cost === null ? "–" : one.cost.toPrecision(3)));
  });
  const head = ["candidate", "col_ttft", "whole", "cost"].map((name) => el("th", { scope: "col", cls: name === "cost" ? "right" : "" }, t(name)));
  const others = Object.entries(why.not_shown).map(([kind, n]) => `${n} ${word("excluded", kind)}`).join(", ");
  const demand = t("needs", { role: why.demand.role, n: why.demand.prompt_tokens, priority: word("priority", why.demand.priority) });
  return [el("p", {}, demand), el("p", {}, because(choiceOf(why, winner))),
    el("div", { cls: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body))),
    others ? el("p", { cls: "muted" }, t("others", { list: others })) : null].filter(Boolean);
}

// ---- Drafts: what waits for a yes, in whichever of the key's conversations

const drafts = {
  list: [],
  told: "",
  async look() {
    if (document.hidden || !watcher.connection) return;
    try {
      const found = (await (await ask(`sessions?draft=true&limit=${MOST_OWN}`)).json()).sessions;
      this.list = found.filter((session) => !session.draft.expired);
    } catch {
      return; // as for jobs
    }
    this.paint();
  },
  paint() {
    const told = language + Boolean(chat.running) + JSON.stringify(this.list.map(({ id, draft }) => [id, draft]));
    if (told === this.told) return;
    this.told = told;
    $("drafts").hidden = this.list.length === 0;
    $("draft-list").replaceChildren(...this.list.map((session) => el("li", { cls: "job" },
      el("span", { cls: "muted" }, t("draft_until", { time: clockTime(session.draft.expires_at * 1000).slice(0, 5) })),
      el("span", { cls: "text wide" }, session.draft.summary),
      el("span", { cls: "choices" }, this.button(session, "yes"), this.button(session, "no")))));
  },
  button({ id, draft }, name) {
    return el("button", { type: "button", cls: name === "yes" ? "primary" : "", disabled: Boolean(chat.running), "aria-label": `${t(name)}: ${draft.summary}`, onclick: () => {
      chat.goOn(id, draft.summary);
      chat.say(t(`${name}_said`));
      $("message").focus();
    } }, t(name));
  },
};

// ---- Jobs

const jobs = {
  list: [],
  told: "",
  async look() {
    if (document.hidden || !watcher.connection) return;
    try {
      this.list = (await (await ask(`jobs?limit=${MOST_OWN}`)).json()).jobs;
    } catch {
      return; // the servers are what matters here; the next look comes soon
    }
    this.paint();
  },
  paint() {
    const told = language + JSON.stringify(this.list);
    if (told === this.told) return;
    this.told = told;
    $("jobs").hidden = this.list.length === 0;
    $("job-list").replaceChildren(...this.list.map((job) => el("li", { cls: "job" },
      el("span", { cls: "muted" }, clockTime(job.accepted_at)),
      el("span", { cls: job.state === "dead" ? "failed" : "" }, word("job", job.state)),
      el("span", { cls: "text" }, job.message, job.error === null ? null : el("span", { cls: "sub" }, job.error.message)),
      this.button(job))));
  },
  button(job) {
    const id = encodeURIComponent(job.id);
    const does = { queued: ["cancel", `jobs/${id}`, "DELETE"], running: ["cancel", `jobs/${id}`, "DELETE"], dead: ["retry", `jobs/${id}/retry`, "POST"] }[job.state];
    if (!does) return el("span");
    const [name, path, method] = does;
    return el("button", { type: "button", onclick: async () => {
      await ask(path, { method }).catch((error) => announce(error.message));
      this.look();
    } }, t(name));
  },
};

function lookAtOwn() {
  drafts.look();
  jobs.look();
}
setInterval(lookAtOwn, OWN_MS);

// ---- Chat

const chat = {
  session: null,
  running: null,

  clear() {
    this.running?.abort();
    this.session = null;
    $("log").replaceChildren($("welcome"));
    $("welcome").hidden = false;
  },

  /** Another conversation from here on: one that began elsewhere, with a draft. */
  goOn(session, summary) {
    if (this.session === session) return;
    this.clear();
    this.session = session;
    $("welcome").hidden = true;
    $("log").append(el("p", { cls: "aside" }, t("draft_from", { summary })));
  },

  async say(text) {
    if (this.running || !text.trim()) return;
    const running = new AbortController();
    this.running = running;
    this.busy(true);
    $("welcome").hidden = true;
    const answer = new Answer();
    $("log").append(el("p", { cls: "said" }, text), answer.node);
    $("log").scrollTop = $("log").scrollHeight;
    announce(t("answering"));
    const body = { message: text, stream: true };
    if (this.session !== null) body.session = this.session;
    if ($("role").value) body.role = $("role").value;
    try {
      const response = await ask("chat", { method: "POST", body: JSON.stringify(body), signal: running.signal });
      for await (const { name, data } of eventsOf(response)) {
        if (name === "decision" && !running.signal.aborted) this.session = data.session;
        answer.hear(name, data);
      }
      answer.end();
    } catch (error) {
      if (running.signal.aborted) answer.stop();
      else answer.fail(error instanceof Refused ? error.message : t("broke"));
    }
    if (this.running === running) {
      this.running = null;
      this.busy(false);
      lookAtOwn();
    }
  },

  busy(is) {
    const had = document.activeElement === $("stop");
    $("stop").hidden = !is;
    $("send").hidden = is;
    drafts.paint();
    if (had && !is) $("message").focus();
  },
};

/** One answer, as it comes. */
class Answer {
  constructor() {
    this.meta = el("p", { cls: "meta" });
    this.steps = el("div", { cls: "steps" });
    this.text = el("div", { cls: "text" });
    this.after = el("div");
    this.foot = el("div", { cls: "foot" });
    this.node = el("article", { cls: "answer", "aria-busy": "true" }, this.meta, this.steps, this.text, this.after, this.foot);
    this.words = new Text("");
    this.pending = "";
    this.whole = false;
    this.waiting = null;
    this.id = null;
    this.step = null;
  }

  hear(name, data) {
    const stick = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60;
    if (name === "decision") this.decided(data);
    else if (name === "notice") this.notice(data);
    else if (name === "tool") this.tool(data);
    else if (name === "draft") this.draft(data.draft);
    else if (name === "token") this.token(data.text);
    else if (name === "done") this.done(data);
    else if (name === "error") this.fail(data.error?.message ?? data.message ?? t("broke"));
    if (stick) requestAnimationFrame(() => { $("log").scrollTop = $("log").scrollHeight; });
  }

  decided({ id, action, decision }) {
    this.id = id;
    this.meta.append(el("span", { cls: "badge" }, word("action", action) + (decision?.tool ? ` ${decision.tool}.${decision.operation}` : "")));
    this.meta.append(decision === null ? t("named") : reasonOf(decision));
    if (decision?.choices?.length) this.choices = decision.choices;
  }

  notice({ notice, position, loading }) {
    const passing = position !== undefined || loading;
    if (passing && this.waiting) return put(this.waiting, notice);
    const line = el("p", {}, notice);
    if (passing) this.waiting = line;
    this.steps.append(line);
  }

  tool({ tool, operation, data }) {
    this.steps.append(el("details", {}, el("summary", {}, `${tool}.${operation}`), el("pre", { tabindex: "0" }, JSON.stringify(data, null, 2))));
  }

  draft(draft) {
    const say = (name) => el("button", { type: "button", cls: name === "yes" ? "primary" : "", onclick: () => { card.querySelectorAll("button").forEach((one) => { one.disabled = true; }); chat.say(t(`${name}_said`)); } }, t(name));
    const card = el("div", { cls: "draft" }, el("strong", {}, t("draft")), el("span", {}, draft.summary ?? `${draft.tool}.${draft.operation}`), el("div", { cls: "choices" }, say("yes"), say("no")));
    this.after.append(card);
  }

  /** Tokens may come faster than pictures: those of one picture are put there at once. */
  token(text) {
    if (!this.text.firstChild) this.text.append(this.words);
    this.waiting?.remove();
    this.waiting = null;
    if (!this.pending) requestAnimationFrame(() => this.write());
    this.pending += text;
  }

  write() {
    this.words.appendData(this.pending);
    this.pending = "";
  }

  done(data) {
    this.whole = true;
    this.write();
    if (!this.words.data && data.text) put(this.text, data.text);
    const { first_token_ms: first, total_ms: total } = data.timings;
    const tokens = data.usage?.completion_tokens;
    const rate = tokens && total > first ? tokens / ((total - first) / 1000) : null;
    const told = data.backend === null ? [] : [t("by_server", data), data.load === null ? null : t("load_is", { level: word("level", data.load) }),
      t("first_token", { t: duration(first) }), t("total", { t: duration(total) }), rate === null ? null : t("per_second", { n: rate.toPrecision(3) })];
    this.foot.replaceChildren(told.filter(Boolean).join(" · "));
    if (this.choices) this.after.append(el("div", { cls: "choices" }, ...this.choices.map((one) => el("button", { type: "button", onclick: () => chat.say(one) }, one))));
    if (this.id !== null && data.backend !== null) {
      const why = el("div", { cls: "why", id: `chat-why-${this.id}`, hidden: true });
      this.foot.append(el("div", {}, opener(this.id, why, t("why_server"))), why);
    }
    announce(this.text.textContent.length <= ANNOUNCED_CHARS ? this.text.textContent : t("complete"));
  }

  end() {
    if (!this.whole && this.node.getAttribute("aria-busy") === "true") this.fail(t("broke"));
    this.node.setAttribute("aria-busy", "false");
  }

  stop() {
    if (this.whole) this.end(); // it was complete by then
    else this.finish(t("stopped"), "");
  }

  fail(text) {
    this.finish(text, "wrong");
  }

  finish(text, cls) {
    this.write();
    this.waiting?.remove();
    this.foot.append(el("p", { cls }, text));
    this.node.setAttribute("aria-busy", "false");
    announce(text);
    $("log").scrollTop = $("log").scrollHeight;
  }
}

$("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  if (chat.running) return;
  const text = $("message").value;
  $("message").value = "";
  chat.say(text);
});
$("message").addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return; // the Enter that ends a Hangul syllable sends nothing
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    $("ask").requestSubmit();
  } else if (event.key === "Escape") chat.running?.abort();
});
$("stop").addEventListener("click", () => chat.running?.abort());
$("new-chat").addEventListener("click", () => {
  chat.clear();
  $("message").focus();
});

function paintRoles() {
  const wanted = ["", ...Object.keys(fleet.roles)];
  const select = $("role");
  const told = language + wanted.join("\n");
  if (select.dataset.told === told) return;
  const chosen = select.value;
  select.dataset.told = told;
  select.replaceChildren(...wanted.map((role) => el("option", { value: role }, role || t("automatic"))));
  if (wanted.includes(chosen)) select.value = chosen;
}

// ---- Language and colours

function paintWords() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-t]")) put(node, t(node.dataset.t));
  for (const node of document.querySelectorAll("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel));
  for (const node of document.querySelectorAll("[data-t-placeholder]")) node.setAttribute("placeholder", t(node.dataset.tPlaceholder));
  for (const button of document.querySelectorAll("button[data-lang]")) attribute(button, "aria-pressed", String(button.dataset.lang === language));
  $("examples").replaceChildren(...["example_1", "example_2", "example_3"].map((name) => el("button", { type: "button", onclick: () => chat.say(t(name)) }, t(name))));
}

function paint() {
  paintWords();
  show($("connection").dataset.word ?? "paused");
  if (!watcher.everTold) put($("connection"), t("connecting"));
  paintFleet();
  paintHistory();
  paintDecisions();
  drafts.paint();
  jobs.paint();
  sure.paint();
}

function colours(theme) {
  document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("button[data-theme]")) attribute(button, "aria-pressed", String(button.dataset.theme === theme));
}

for (const button of document.querySelectorAll("button[data-lang]")) {
  button.addEventListener("click", () => {
    language = button.dataset.lang;
    remember("maek-language", language);
    paint();
  });
}
for (const button of document.querySelectorAll("button[data-theme]")) {
  button.addEventListener("click", () => {
    remember("maek-theme", button.dataset.theme);
    colours(button.dataset.theme);
  });
}
$("filter").addEventListener("input", paintFleet);
$("busiest").addEventListener("change", paintFleet);

colours(["light", "dark"].includes(remembered("maek-theme")) ? remembered("maek-theme") : "auto");
key.set(key.get());
paint();
watcher.start();
setTimeout(lookAtOwn, 800);
