// A small server that speaks the client protocol over all four transports and serves the chat page:
// enough to work on the client and the page without the real server. One process, everything in
// memory, no authentication. Not a reference: the real server decides what is right.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const TYPES = { ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".svg": "image/svg+xml" };
const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const KEPT = 1000;
const POLL_WAIT = 25_000;
const API_KEY = "development";

const channels = new Map();
const sessions = new Map();
let lastSession = 0;

function channel(name) {
  if (!channels.has(name)) channels.set(name, { epoch: "e" + process.pid, offset: 0, log: [], sessions: new Set(), keeps: !name.endsWith(".typing") });
  return channels.get(name);
}

function publish(name, data, info) {
  const at = channel(name);
  const pub = { data, info };
  if (at.keeps) {
    pub.offset = ++at.offset;
    at.log.push(pub);
    if (at.log.length > KEPT) at.log.shift();
  }
  for (const session of at.sessions) session.send({ push: { channel: name, pub } });
  return at.sessions.size;
}

/** One client, whatever carries its frames. */
class Session {
  constructor(send) {
    this.id = "s" + ++lastSession;
    this.send = send;
    this.channels = new Set();
    this.pinger = setInterval(() => this.send({}), 25_000);
    sessions.set(this.id, this);
  }

  end() {
    clearInterval(this.pinger);
    sessions.delete(this.id);
    for (const name of [...this.channels]) this.unsubscribe(name);
  }

  command(command) {
    const { id } = command;
    if (!id) return;
    const method = Object.keys(command).find((key) => key !== "id");
    const handler = this["on_" + method];
    if (!handler) return this.send({ id, error: { code: 104, message: "method not found" } });
    this.send({ id, [method]: handler.call(this, command[method]) });
  }

  on_connect({ data }) {
    this.info = { user: data?.user ?? "", client: this.id };
    return { client: this.id, version: "test", ping: 25, pong: true, session: this.id, node: "n" };
  }

  on_subscribe({ channel: name, recover, epoch, offset = 0 }) {
    const at = channel(name);
    for (const other of at.sessions) other.send({ push: { channel: name, join: { info: this.info } } });
    at.sessions.add(this);
    this.channels.add(name);
    if (!at.keeps) return {};
    const missed = at.log.filter((pub) => pub.offset > offset);
    const recovered = !!recover && epoch === at.epoch && at.offset - offset === missed.length;
    return { recoverable: true, epoch: at.epoch, offset: at.offset, recovered, was_recovering: !!recover, publications: recovered ? missed : undefined };
  }

  on_unsubscribe({ channel: name }) {
    this.unsubscribe(name);
    return {};
  }

  unsubscribe(name) {
    const at = channel(name);
    at.sessions.delete(this);
    this.channels.delete(name);
    for (const other of at.sessions) other.send({ push: { channel: name, leave: { info: this.info } } });
  }

  on_publish({ channel: name, data }) {
    publish(name, data, this.info);
    return {};
  }

  on_history({ channel: name, limit = 0, reverse }) {
    const { log, epoch, offset } = channel(name);
    const publications = reverse ? [...log].reverse().slice(0, limit) : log.slice(0, limit);
    return { epoch, offset, publications };
  }

  on_presence({ channel: name }) {
    return { presence: Object.fromEntries([...channel(name).sessions].map(({ id, info }) => [id, info])) };
  }

  on_ping() {
    return {};
  }
}

/** What a poll has not yet acknowledged, and the poll that waits. */
class PollSession extends Session {
  constructor() {
    super((frame) => {
      this.frames.push(frame);
      queueMicrotask(() => this.answer());
    });
    this.frames = [];
    this.cursor = 0;
  }

  poll(response, cursor) {
    this.answer(true);
    this.frames.splice(0, cursor - this.cursor);
    this.cursor = cursor;
    this.waiting = response;
    this.timer = setTimeout(() => this.answer(true), POLL_WAIT);
    if (this.frames.length) this.answer();
  }

  answer(now) {
    if (!this.waiting || (!now && !this.frames.length)) return;
    clearTimeout(this.timer);
    const frames = now ? [] : this.frames;
    json(this.waiting, { session: this.id, cursor: this.cursor + frames.length, frames });
    this.waiting = null;
  }
}

function json(response, value, status = 200) {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}

async function file(response, path) {
  const source = /^\/(1\/)?client\.m?js$/.test(path) ? join(root, "dist", path.split("/").pop()) : join(root, "../../examples/chat", normalize(path === "/" ? "/index.html" : path));
  const content = await readFile(source);
  response.writeHead(200, { "Content-Type": TYPES[extname(source)], "Content-Security-Policy": POLICY, "Cache-Control": "no-cache" }).end(content);
}

async function handle(request, response) {
  const url = new URL(request.url, "http://localhost");
  const path = url.pathname.replace(/^\/app\/[^/]+/, "");
  if (path === "/connection/http_stream") {
    const connect = await body(request);
    response.writeHead(200, { "Content-Type": "application/json" });
    const session = new Session((frame) => response.write(JSON.stringify(frame) + "\n"));
    response.on("close", () => session.end());
    session.command(connect);
  } else if (path === "/connection/sse") {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const session = new Session((frame) => response.write(`data: ${JSON.stringify(frame)}\n\n`));
    response.on("close", () => session.end());
    session.command(JSON.parse(url.searchParams.get("cf_connect")));
  } else if (path === "/emulation") {
    const { session, data } = await body(request);
    const found = sessions.get(session);
    if (found) for (const line of data.split("\n")) found.command(JSON.parse(line));
    response.writeHead(found ? 204 : 404).end();
  } else if (path === "/connection/long_poll") {
    const poll = await body(request);
    const session = poll.session ? sessions.get(poll.session) : new PollSession();
    if (!session) return json(response, { error: "unknown session" }, 404);
    session.poll(response, poll.cursor ?? 0);
    for (const command of poll.session ? (poll.commands ?? []) : [poll]) session.command(command);
  } else if (path === "/demo.json") {
    json(response, { apiKey: API_KEY, channel: "chat" });
  } else if (path.startsWith(`/1.0.0/${API_KEY}/channels/`) && request.method === "POST") {
    json(response, { messages_sent: publish(decodeURIComponent(path.split("/").pop()), await body(request)) });
  } else if (path === "/healthz") {
    response.end("ok");
  } else {
    await file(response, path);
  }
}

const server = createServer((request, response) => handle(request, response).catch(() => response.writeHead(404).end()));
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) =>
  sockets.handleUpgrade(request, socket, head, (client) => {
    const session = new Session((frame) => client.send(JSON.stringify(frame)));
    client.on("message", (text) => String(text).split("\n").forEach((line) => session.command(JSON.parse(line))));
    client.on("close", () => session.end());
  }),
);
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/`));
