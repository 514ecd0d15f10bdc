// What the page shows. Text from others goes in as text, never as markup.
import { tidyName } from "./people.js";

const MOST_MESSAGES = 500;
const LONGEST_TEXT = 4000;
const NEAR_END = 80;
/** Messages of one author within this time share a byline. */
const SAME_BREATH = 5 * 60 * 1000;
const MOST_IN_STACK = 3;
const TRANSPORTS = { websocket: "WebSocket", http_stream: "HTTP streaming", sse: "server-sent events", long_poll: "long polling" };
const GAPS = {
  unrecoverable: "You were away for longer than the server keeps messages. Some are missing here.",
  no_history: "You were away, and this channel keeps no history. Messages may be missing here.",
  dropped: "This connection was too slow, and the server left out {} here.",
  skipped: "{} missing here.",
};

const find = (id) => document.getElementById(id);
const scroller = find("scroller");
const list = find("messages");
const newer = find("newer");
const text = find("text");

let last = null;
let lastDay = "";
let away = false;
let following = true;
let unseen = 0;
let started = false;

function element(name, className, content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (content !== undefined) made.textContent = content;
  return made;
}

/** A disc with the name's initials in a colour of its own. */
function avatar(name) {
  if (!name) return element("span", "avatar plain", ">_");
  const words = name.split(" ");
  const initials = (words.length > 1 ? [words[0], words[words.length - 1]] : [name]).map((word) => [...word][0] ?? "").join("");
  const disc = element("span", "avatar", initials.toUpperCase());
  // FNV-1a, so that names that differ in a letter differ in colour.
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  disc.style.setProperty("--hue", (hash >>> 8) % 360);
  return disc;
}

/** Name, text and time of a message in the chat's own form, or the best that can be made of any other JSON. */
function read(data) {
  if (typeof data === "string") return { name: "", text: data };
  if (data && typeof data === "object" && typeof data.text === "string") {
    const name = typeof data.name === "string" ? tidyName(data.name) : "";
    return { name, text: data.text, at: Number.isFinite(data.at) ? data.at : undefined };
  }
  return { name: "", json: JSON.stringify(data, null, 2) };
}

function shorten(value) {
  return value.length > LONGEST_TEXT ? value.slice(0, LONGEST_TEXT) + "…" : value;
}

function divider(content) {
  list.append(element("li", "divider", content));
  last = null;
}

export function showMessage({ data, origin, offset }, mine) {
  const { name, text: said, json, at = Date.now() } = read(data);
  const time = new Date(at);
  const day = time.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
  if (day !== lastDay) {
    const today = new Date().toDateString() === time.toDateString();
    if (lastDay || !today) divider(today ? "Today" : day);
    lastDay = day;
  }
  if (origin === "recovered" && !away) divider("While you were away");
  else if (origin === "live" && away) divider("Now");
  away = origin === "recovered";

  const item = element("li", "message");
  const same = last && last.name === name && last.mine === mine && Math.abs(at - last.at) < SAME_BREATH;
  item.classList.toggle("mine", mine);
  item.classList.toggle("same", !!same);
  item.classList.toggle("fresh", origin !== "history");
  if (offset) item.dataset.offset = offset;
  last = { name, mine, at };

  const byline = element("div", "byline");
  const clock = element("time", "", time.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" }));
  clock.dateTime = Number.isNaN(time.getTime()) ? "" : time.toISOString();
  byline.append(element("span", "author", name || "Someone"), clock);
  const bubble = element("div", "bubble", json === undefined ? shorten(said) : undefined);
  if (json !== undefined) bubble.append(element("pre", "", shorten(json)));
  const disc = avatar(name);
  disc.setAttribute("aria-hidden", "true");
  item.append(disc, byline, bubble);
  append(item, mine);
}

export function showGap({ reason, dropped }) {
  const count = dropped === 1 ? "1 message" : `${dropped} messages`;
  const notice = element("li", "gap", GAPS[reason].replace("{}", count));
  notice.dataset.reason = reason;
  last = null;
  append(notice, false);
}

function append(item, mine) {
  list.append(item);
  while (list.children.length > MOST_MESSAGES) list.firstElementChild.remove();
  find("empty").hidden = true;
  if (following || mine) return followNewest();
  unseen++;
  newer.textContent = unseen === 1 ? "1 new message ↓" : `${unseen} new messages ↓`;
  newer.hidden = false;
}

/** Scrolls to the end, and keeps there until the reader scrolls up. */
export function followNewest() {
  following = true;
  unseen = 0;
  newer.hidden = true;
  scroller.scrollTop = scroller.scrollHeight;
}

/** The first subscription stands; from now on silence means that nobody speaks. */
export function ready() {
  if (started) return;
  started = true;
  setTimeout(() => (find("empty").hidden = list.children.length > 0), 400);
}

export function showState({ state, transport, reason, retryIn = 0 }) {
  const line = find("connection");
  line.dataset.state = state;
  line.dataset.transport = transport ?? "";
  find("retry").hidden = state !== "waiting" && state !== "closed";
  const seconds = Math.ceil(retryIn / 1000);
  find("connection-text").textContent = {
    connecting: transport ? `Connecting over ${TRANSPORTS[transport]}…` : "Connecting…",
    connected: `Connected over ${TRANSPORTS[transport]}`,
    waiting: seconds > 1 ? `Connection lost, next try in ${seconds} s` : "Connection lost, trying again…",
    closed: `Disconnected: ${reason}`,
  }[state];
}

export function showPeople(entries) {
  const count = entries.reduce((sum, { windows }) => sum + windows, 0);
  find("people-count").textContent = `${count} here`;
  find("people-title").textContent = `Here now: ${count}`;
  find("people-stack").replaceChildren(...entries.slice(0, MOST_IN_STACK).map(({ name }) => avatar(name)));
  find("people-list").replaceChildren(
    ...entries.map(({ name, windows, self }) => {
      const row = element("li");
      const disc = avatar(name);
      disc.setAttribute("aria-hidden", "true");
      row.append(disc, element("span", "", name));
      const note = [self ? "you" : "", windows > 1 ? `${windows} windows` : ""].filter(Boolean).join(", ");
      if (note) row.append(element("small", "", note));
      return row;
    }),
  );
}

export function showTyping(names) {
  const said = names.length > 2 ? "Several people are typing…" : names.length ? `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
  if (find("typing").textContent !== said) find("typing").textContent = said;
}

export function showError(message) {
  find("error").textContent = message;
  find("error").hidden = false;
}

export function hideError() {
  find("error").hidden = true;
}

/** Makes the field as high as its text, within the bounds of the style sheet. */
export function fitText() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
}

/** How to post from a shell; hidden where the server does not tell its key. */
export function showTerminal({ apiKey, channel }) {
  if (!apiKey) return;
  const address = new URL(`1.0.0/${apiKey}/channels/${encodeURIComponent(channel).replace("%3A", ":")}`, location.href.split("?")[0]).href;
  const command = `curl ${address} \\\n  -H "X-Beacon-Secret-Key: $SECRET_KEY" \\\n  -d '{"name":"Terminal","text":"Hello"}'`;
  find("curl").textContent = command;
  find("terminal").hidden = false;
  // The clipboard is only there for pages from a secure origin.
  find("copy").hidden = !navigator.clipboard;
  find("copy").addEventListener("click", async () => {
    await navigator.clipboard.writeText(command);
    find("copy").textContent = "Copied";
    setTimeout(() => (find("copy").textContent = "Copy"), 1500);
  });
}

scroller.addEventListener("scroll", () => {
  following = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_END;
  if (following) {
    unseen = 0;
    newer.hidden = true;
  }
}, { passive: true });
new ResizeObserver(() => following && followNewest()).observe(scroller);
newer.addEventListener("click", followNewest);

const panel = find("people");
const toggle = find("people-toggle");

function openPanel(open) {
  panel.classList.toggle("open", open);
  toggle.setAttribute("aria-expanded", String(open));
}

toggle.addEventListener("click", () => openPanel(!panel.classList.contains("open")));
document.addEventListener("keydown", (event) => event.key === "Escape" && openPanel(false));
document.querySelector(".room").addEventListener("click", () => openPanel(false));
