// The chat: what it says to the server and what it hears. How things look is in view.js.
import { connect } from "./client.mjs";
import { People } from "./people.js";
import * as view from "./view.js";

const HISTORY = 100;
const TYPING_EVERY = 2000;
const TYPING_LASTS = 4000;

const parameters = new URLSearchParams(location.search);
const transport = parameters.get("transport") ?? "";
const planet = connect({
  url: new URL(".", location.href).href,
  transports: transport ? [transport] : undefined,
  log: parameters.has("log"),
});

const composer = document.querySelector("#composer");
const nameField = document.querySelector("#name");
const textField = document.querySelector("#text");
const people = new People(() => planet.client, view.showPeople);
const typists = new Map();
/** The ids of this page's connections: a message of ours may come back after a reconnect. */
const ourselves = new Set();

nameField.value = people.ownName();
planet.on("state", (change) => {
  view.showState(change);
  if (change.state !== "connected") return;
  ourselves.add(planet.client);
  people.named(planet.client, nameField.value);
});

/** What the server tells about this demo; without it, the channel's usual name and no key to show. */
async function demoSettings() {
  try {
    const response = await fetch("demo.json");
    if (response.ok) return await response.json();
  } catch {
    // The page works without; the connection's own state tells of a server that is away.
  }
  return { channel: "chat" };
}

const settings = await demoSettings();
view.showTerminal(settings);

const chat = planet.subscribe(settings.channel, {
  history: HISTORY,
  onMessage(message) {
    const { info, data } = message;
    const author = info && data?.name ? info.client : null;
    if (author && message.origin !== "history") people.named(author, String(data.name));
    if (author) stopTyping(author);
    view.showMessage(message, ourselves.has(author));
  },
  onGap: view.showGap,
  onJoin: ({ client }) => people.joined(client),
  onLeave({ client }) {
    people.left(client);
    stopTyping(client);
  },
  onState({ state, reason }) {
    if (state === "subscribed") {
      view.ready();
      refreshPeople();
    } else if (state === "unsubscribed") {
      view.showError(`Not in the channel: ${reason}`);
    }
  },
});

// Typing and names go over a channel of their own that needs no history: they matter only now.
const signals = planet.subscribe(settings.channel + ".typing", {
  onMessage({ data, info, origin }) {
    if (!info || info.client === planet.client || typeof data !== "object" || !data) return;
    if (typeof data.name === "string") people.named(info.client, data.name);
    if (origin !== "live") return;
    if (data.typing) startTyping(info.client);
    if (data.ask) answerSoon();
  },
  onState: ({ state }) => state === "subscribed" && introduce(true),
});

/** Signals are a courtesy: one that fails is not worth a word. */
function signal(data) {
  signals.publish({ name: nameField.value.trim(), ...data }).catch(() => {});
}

/** Tells the others our name, and asks theirs. */
function introduce(ask) {
  if (signals.state === "subscribed") signal(ask ? { ask } : {});
}

let answering = null;

/** Spread over a second, and once for many who ask. */
function answerSoon() {
  answering ??= setTimeout(() => {
    answering = null;
    introduce(false);
  }, Math.random() * 1000);
}

async function refreshPeople() {
  try {
    people.replace((await chat.presence()).map(({ client }) => client));
  } catch (error) {
    if (!error.temporary) view.showPeople([]);
  }
}

let lastTyping = 0;

function tellTyping() {
  if (!textField.value.trim() || Date.now() - lastTyping < TYPING_EVERY) return;
  lastTyping = Date.now();
  signal({ typing: true });
}

function startTyping(client) {
  clearTimeout(typists.get(client));
  typists.set(client, setTimeout(() => stopTyping(client), TYPING_LASTS));
  showTypists();
}

function stopTyping(client) {
  clearTimeout(typists.get(client));
  if (typists.delete(client)) showTypists();
}

function showTypists() {
  view.showTyping([...typists.keys()].map((client) => people.nameOf(client)));
}

async function send() {
  const text = textField.value.trim();
  const name = nameField.value.trim();
  if (!name) return nameField.focus();
  if (!text) return textField.focus();
  textField.value = "";
  view.fitText();
  view.hideError();
  view.followNewest();
  lastTyping = 0;
  try {
    await chat.publish({ name, text, at: Date.now() });
  } catch (error) {
    // Nothing that was written may get lost; unless the next message has been begun meanwhile.
    if (!textField.value) textField.value = text;
    view.fitText();
    view.showError(`Not sent: ${error.message}.`);
  }
}

nameField.addEventListener("change", () => {
  nameField.value = people.rename(nameField.value);
  if (planet.client) people.named(planet.client, nameField.value);
  introduce(false);
});
nameField.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  textField.focus();
});
textField.addEventListener("input", () => {
  view.fitText();
  tellTyping();
});
textField.addEventListener("keydown", (event) => {
  // While an input method composes, Enter chooses a word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void send();
});
composer.addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
document.querySelector("#retry").addEventListener("click", () => planet.reconnect());

const chooser = document.querySelector("#transport");
chooser.value = transport;
chooser.addEventListener("change", () => {
  const url = new URL(location.href);
  if (chooser.value) url.searchParams.set("transport", chooser.value);
  else url.searchParams.delete("transport");
  location.assign(url);
});
