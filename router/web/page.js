// The status page: shows what /live tells, and chats over /chat.
//
// Rules of this file
// - Nobody's text becomes markup: text goes into text nodes alone, and the policy of the page refuses anything else.
// - What has not changed is not touched, so that focus, selection and screen readers stay where they are.
// - The key is kept in sessionStorage, for this tab, and sent in the header that every client of Maek uses.

const WORDS = {
  en: {
    skip: "Skip to the chat", language: "Language", theme: "Colours", theme_auto: "Auto", theme_light: "Light", theme_dark: "Dark",
    forget: "Forget key", overview: "Overview", alerts: "What needs attention", sections: "Sections",
    figure_up: "Servers up", figure_in_flight: "In flight", figure_waiting: "Waiting", figure_chats: "Chats so far",
    servers: "Servers", filter: "Filter servers", busiest_first: "Busiest first", connecting: "Connecting…", no_servers: "No server is known.",
    none_match: "No server matches the filter.",
    col_server: "Server", col_state: "State", col_level: "Load", col_load: "In flight", col_ttft: "First token", col_hour: "Last hour",
    decisions: "Decisions", decisions_own: "Yours only, newest first", no_decisions: "None yet. Ask something, and why it went where it went shows here.",
    jobs: "Jobs", chat: "Chat", new_chat: "New conversation", conversation: "Conversation", message: "Message",
    welcome: "Ask something. You see what was decided and why, who answers, and how long it takes.",
    message_hint: "Message (Enter sends, Shift+Enter breaks the line)", answered_by: "Answered by", automatic: "Maek decides", stop: "Stop", send: "Send",
    door_title: "Key", door_why: "This Maek lets in whoever has a key. It stays in this tab and is gone when you close it.",
    door_key: "Key", door_enter: "Enter", door_wrong: "Maek does not know this key.",
    live: "Live", lost: "No connection, trying again…", paused: "Paused", full: "Too many pages look; trying again…",
    of_slots: "of {n}", waits: "{n} waiting", expected: "expected", measured: "measured", seconds: "{n} s", ms: "{n} ms",
    sets: "{signal} {value}", first_seen: "Not enough measured yet", simulated: "simulated", more: "+{n} more", no_model: "no model", details_of: "{name}, details",
    hour_said: "Last {n} min: at most {most} in flight; {levels}", hour_none: "Nothing known yet", minutes: "{level} {n} min",
    address: "Address", engine: "Engine", models: "Models", in_memory: "In memory", circuit: "Circuit", last_failure: "Last failure", health: "Health check", ttft_hour: "First token, last hour", none: "none",
    signal: "Signal", now: "Now", from: "From: normal · busy · very busy",
    alert_bad: "Down", alert_warn: "Look", alert_info: "Note", alert_good: "All well",
    is_down: "{name} does not answer ({why}).", are_down: "{n} servers do not answer: {names}.", nobody_serves: "No server can serve {role} now; such requests fail.", nobody_set_up: "No server is set up for {role}.",
    circuit_is_open: "{name} failed lately and is left alone for a moment.", is_very_busy: "{name} is very busy ({why}).", in_line: "{n} requests wait for room.",
    only_simulator: "No LLM server was found; the built-in simulator answers.", well: "Every server answers, and there is room.",
    by: "by {source}: {reason}", named: "role or model named by the caller", nobody_asked: "no server needed", runs: "running", tries: "{n} attempts", expected_took: "{a} expected, {b} came",
    total: "total {t}", why: "Why", why_server: "Why this server", why_gone: "It is too long ago; Maek has forgotten it.", candidate: "Candidate", whole: "Whole answer", cost: "Cost", won: "chosen", guess: "guess", others: "Others: {list}",
    needs: "For {role}: about {n} tokens of prompt, {priority} priority.", reason_is: "Reason: {reason}.",
    cancel: "Cancel", retry: "Try again", yes: "Yes", no: "No", yes_said: "Yes", no_said: "No", draft: "Waits for your yes",
    answering: "Answering", complete: "The answer is complete.", stopped: "Stopped.", broke: "The connection broke off before the end.",
    first_token: "first token {t}", per_second: "{n} tokens/s", load_is: "load {level}", by_server: "{backend} · {model}",
    example_1: "Explain tides in one sentence", example_2: "What is on today?", example_3: "Status of the GPU server",
    level: { free: "free", normal: "normal", busy: "busy", very_busy: "very busy", unavailable: "unavailable" },
    state: { unknown: "not probed", ready: "up", down: "down", loading: "loading model", sleeping: "asleep", suspended: "suspended", draining: "draining", open: "circuit open", half_open: "on trial", resting: "resting" },
    signals: { slowdown: "slowdown", silence: "silent for", active_jobs: "active jobs", in_flight: "in flight", waiting: "waiting", kv_usage: "KV usage", inference_latency: "inference", health_latency: "health latency", probe_age: "last probe", queue: "job queue" },
    probe: { refused: "connection refused", connect_timeout: "no connection", read_timeout: "no answer in time", bad_status: "error status", bad_body: "unreadable answer", ok: "ok" },
    action: { direct: "Answers itself", route: "Routes", clarify: "Asks back", tools: "Uses a tool" },
    source: { rule: "keyword rule", model: "embedded model", llm: "classifier", default: "safe default" },
    outcome: { ok: "ok", backend_error: "server error", refused: "refused", truncated: "cut off", timeout: "timeout", silent: "silent", overlong: "too long", rejected: "full", caller_error: "bad request", client_gone: "stopped" },
    circuits: { closed: "closed", open: "open", half_open: "half open" },
    excluded: { gone: "no longer configured", down: "down", loading: "loading its model", suspended: "suspended", draining: "draining", unproven: "not probed yet", tried: "failed this request", circuit_open: "failed lately", warming: "just back", resting: "full for now", able: "able" },
    job: { queued: "queued", running: "running", done: "done", cancelled: "cancelled", dead: "given up" },
    priority: { interactive: "interactive", normal: "normal", batch: "batch" },
  },
  ko: {
    skip: "채팅으로 건너뛰기", language: "언어", theme: "색상", theme_auto: "자동", theme_light: "밝게", theme_dark: "어둡게",
    forget: "키 지우기", overview: "한눈에 보기", alerts: "확인할 일", sections: "구역",
    figure_up: "정상 서버", figure_in_flight: "처리 중", figure_waiting: "자리 대기", figure_chats: "시작 후 대화",
    servers: "서버", filter: "서버 찾기", busiest_first: "바쁜 순", connecting: "연결하는 중…", no_servers: "등록된 서버가 없습니다.",
    none_match: "찾는 서버가 없습니다.",
    col_server: "서버", col_state: "상태", col_level: "부하", col_load: "처리 중", col_ttft: "첫 토큰", col_hour: "최근 1시간",
    decisions: "결정", decisions_own: "내 요청만, 최신순", no_decisions: "아직 없습니다. 질문하면 왜 그 서버로 갔는지 여기에 나옵니다.",
    jobs: "작업", chat: "채팅", new_chat: "새 대화", conversation: "대화", message: "메시지",
    welcome: "무엇이든 물어보세요. 어떻게 결정했는지, 누가 답하는지, 얼마나 걸리는지 보여 드립니다.",
    message_hint: "메시지 (Enter 보내기, Shift+Enter 줄바꿈)", answered_by: "답하는 쪽", automatic: "자동 결정", stop: "중지", send: "보내기",
    door_title: "키", door_why: "키가 있어야 들어갈 수 있습니다. 키는 이 탭에만 보관되고 탭을 닫으면 사라집니다.",
    door_key: "키", door_enter: "들어가기", door_wrong: "모르는 키입니다.",
    live: "실시간", lost: "연결이 끊겨 다시 시도하는 중…", paused: "멈춤", full: "보는 사람이 많아 다시 시도하는 중…",
    of_slots: "/ {n}", waits: "대기 {n}", expected: "예상", measured: "실측", seconds: "{n}초", ms: "{n}ms",
    sets: "{signal} {value}", first_seen: "아직 측정이 부족합니다", simulated: "시뮬레이터", more: "외 {n}개", no_model: "모델 없음", details_of: "{name} 자세히",
    hour_said: "최근 {n}분: 동시 처리 최대 {most}건, {levels}", hour_none: "아직 기록이 없습니다", minutes: "{level} {n}분",
    address: "주소", engine: "엔진", models: "모델", in_memory: "메모리에 있음", circuit: "차단기", last_failure: "마지막 실패", health: "헬스 체크", ttft_hour: "첫 토큰, 최근 1시간", none: "없음",
    signal: "신호", now: "현재", from: "기준: 보통 · 바쁨 · 매우 바쁨",
    alert_bad: "중단", alert_warn: "주의", alert_info: "알림", alert_good: "정상",
    is_down: "{name} 서버가 응답하지 않습니다 ({why}).", are_down: "서버 {n}대가 응답하지 않습니다: {names}.", nobody_serves: "지금 {role} 역할을 맡을 서버가 없어 해당 요청은 실패합니다.", nobody_set_up: "{role} 역할을 맡도록 설정된 서버가 없습니다.",
    circuit_is_open: "{name} 서버는 최근에 실패해서 잠시 쉬게 둡니다.", is_very_busy: "{name} 서버가 매우 바쁩니다 ({why}).", in_line: "요청 {n}건이 빈자리를 기다립니다.",
    only_simulator: "LLM 서버를 찾지 못해 내장 시뮬레이터가 답합니다.", well: "모든 서버가 응답하고 자리가 있습니다.",
    by: "{source}: {reason}", named: "요청이 역할이나 모델을 지정함", nobody_asked: "서버가 필요 없었음", runs: "진행 중", tries: "{n}번 시도", expected_took: "예상 {a}, 실제 {b}",
    total: "전체 {t}", why: "이유", why_server: "이 서버를 고른 이유", why_gone: "오래되어 기록이 지워졌습니다.", candidate: "후보", whole: "전체 답변", cost: "비용", won: "선택", guess: "추정", others: "그 밖: {list}",
    needs: "역할 {role}: 프롬프트 약 {n}토큰, 우선순위 {priority}.", reason_is: "사유: {reason}.",
    cancel: "취소", retry: "다시 시도", yes: "네", no: "아니요", yes_said: "네", no_said: "아니요", draft: "확인을 기다립니다",
    answering: "답하는 중", complete: "답변이 끝났습니다.", stopped: "중지했습니다.", broke: "끝나기 전에 연결이 끊겼습니다.",
    first_token: "첫 토큰 {t}", per_second: "초당 {n}토큰", load_is: "부하 {level}", by_server: "{backend} · {model}",
    example_1: "양자역학 설명해줘", example_2: "오늘 일정", example_3: "GPU 서버 상태",
    level: { free: "여유", normal: "보통", busy: "바쁨", very_busy: "매우 바쁨", unavailable: "사용 불가" },
    state: { unknown: "확인 전", ready: "정상", down: "중단", loading: "모델 로딩", sleeping: "잠듦", suspended: "재워 둠", draining: "비우는 중", open: "차단", half_open: "시험 중", resting: "쉬는 중" },
    signals: { slowdown: "평소 대비", silence: "응답 없음", active_jobs: "서버의 작업", in_flight: "처리 중", waiting: "대기", kv_usage: "KV 사용률", inference_latency: "추론 지연", health_latency: "헬스 지연", probe_age: "점검한 지", queue: "작업 큐" },
    probe: { refused: "연결 거부", connect_timeout: "연결 시간 초과", read_timeout: "응답 없음", bad_status: "오류 상태", bad_body: "잘못된 응답", ok: "정상" },
    action: { direct: "직접 답함", route: "서버에 맡김", clarify: "되물음", tools: "도구 사용" },
    source: { rule: "키워드 규칙", model: "내장 모델", llm: "분류 LLM", default: "기본값" },
    outcome: { ok: "성공", backend_error: "서버 오류", refused: "연결 거부", truncated: "끊김", timeout: "시간 초과", silent: "무응답", overlong: "너무 긺", rejected: "가득 참", caller_error: "요청 오류", client_gone: "중지됨" },
    circuits: { closed: "닫힘 (정상)", open: "열림 (차단)", half_open: "시험 중" },
    excluded: { gone: "설정에서 빠짐", down: "중단", loading: "모델 로딩", suspended: "재워 둠", draining: "비우는 중", unproven: "확인 전", tried: "이 요청에서 실패", circuit_open: "최근 실패로 쉼", warming: "막 돌아옴", resting: "가득 참", able: "맡을 수 있음" },
    job: { queued: "대기", running: "진행 중", done: "완료", cancelled: "취소됨", dead: "포기함" },
    priority: { interactive: "대화형", normal: "보통", batch: "일괄" },
  },
};

const LEVELS = ["free", "normal", "busy", "very_busy", "unavailable"];
const MOST_ALERTS = 6;
const MOST_DECISIONS = 30;
const FILTER_FROM = 9; // with fewer servers than this a filter is in the way
const SILENCE_MS = 25000; // Maek says something every ten seconds
const HIDDEN_MS = 20000; // whoever does not look is not told
const JOBS_MS = 4000;
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
    jobs.look();
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
  parts.detailCell = el("td", { role: "cell", colspan: "6" });
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
  parts.detailCell.replaceChildren(facts, ...(lines.length ? [table] : []));
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
  if (down.length > 3) found.push(["bad", t("are_down", { n: down.length, names: down.slice(0, 5).map((one) => one.name).join(", ") + (down.length > 5 ? ", …" : "") })]);
  else for (const { name, probe_outcome } of down) found.push(["bad", t("is_down", { name, why: word("probe", probe_outcome ?? "–") })]);
  for (const backend of all) {
    if (backend.state === "down") continue;
    if (backend.circuit === "open") found.push(["warn", t("circuit_is_open", { name: backend.name })]);
    if (backend.level === "very_busy") found.push(["warn", t("is_very_busy", { name: backend.name, why: word("signals", backend.set_by ?? "–") })]);
  }
  if (fleet.chats?.waiting) found.push(["warn", t("in_line", { n: fleet.chats.waiting })]);
  if (all.length && all.every((backend) => backend.simulated)) found.push(["info", t("only_simulator")]);
  if (!found.length && all.length) found.push(["good", t("well")]);
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
  return source === "llm" ? stage : t("by", { source: stage, reason: reason.replaceAll("_", " ") });
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
  if (one.error !== null) return [el("span", { cls: "failed" }, one.error.replaceAll("_", " "))];
  if (one.outcome !== null && one.outcome !== "ok") return [el("span", { cls: "failed" }, word("outcome", one.outcome))];
  if (one.running) return [el("span", {}, t("runs"))];
  if (one.backend === null) return [el("span", { cls: "muted" }, "–")];
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
  }
  arrange($("decision-list"), [...decisions.keys()].reverse().map((id) => decisionLines.get(id).item));
  $("no-decisions").hidden = decisions.size > 0;
}

function makeDecision(id) {
  const line = { told: null, what: el("div", { cls: "what" }), who: el("div", { cls: "who" }), took: el("div", { cls: "took" }) };
  const why = el("div", { cls: "why", id: `why-${id}`, hidden: true });
  line.open = opener(id, why);
  line.item = el("li", {}, el("div", { cls: "line" }, line.open, line.what, line.who, line.took), why);
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
  else parts.push(el("p", {}, `${word("action", decision.action)}. ${reasonOf(decision)}`));
  for (const step of record.tools) parts.push(el("p", {}, `${step.tool}.${step.operation}: ${step.outcome.replaceAll("_", " ")}, ${duration(step.total_ms)}`));
  const journeys = [record.deciding, ...record.earlier_rounds, record.answering];
  for (const journey of journeys) {
    for (const attempt of journey.attempts) parts.push(...choice(attempt, attempt.backend));
    if (journey.nobody !== null) parts.push(...choice(journey.nobody, null));
  }
  if (!journeys.some((journey) => journey.attempts.length || journey.nobody)) parts.push(el("p", { cls: "muted" }, t("nobody_asked")));
  return parts;
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
  return [el("p", {}, `${demand} ${t("reason_is", { reason: why.reason ?? "–" })}`),
    el("div", { cls: "scroll" }, el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body))),
    others ? el("p", { cls: "muted" }, t("others", { list: others })) : null].filter(Boolean);
}

// ---- Jobs

const jobs = {
  list: [],
  told: "",
  async look() {
    if (document.hidden || !watcher.connection) return;
    try {
      this.list = (await (await ask("jobs?limit=8")).json()).jobs;
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
setInterval(() => jobs.look(), JOBS_MS);

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
    }
  },

  busy(is) {
    const had = document.activeElement === $("stop");
    $("stop").hidden = !is;
    $("send").hidden = is;
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
    this.finish(t("stopped"), "");
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
  jobs.paint();
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
setTimeout(() => jobs.look(), 800);
