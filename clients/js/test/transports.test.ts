import assert from "node:assert/strict";
import { test } from "node:test";
import { httpStream } from "../src/transports/http_stream";
import { longPoll } from "../src/transports/long_poll";
import { sse } from "../src/transports/sse";
import { webSocket } from "../src/transports/websocket";
import { settle } from "./support/environment";
import { CONNECT, CONNECTED, fakeFetch, recorder } from "./support/http";

const URL = "http://planet.test/app/k";
const push = (data: unknown) => ({ push: { message: { data } } });

/** Puts a class with handler properties in the place of a global until the test ends. */
function replaceGlobal<T>(t: { after(undo: () => void): void }, name: string, make: (url: string) => T): void {
  const original = Object.getOwnPropertyDescriptor(globalThis, name);
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value: function (url: string) { return make(url); } });
  t.after(() => (original ? Object.defineProperty(globalThis, name, original) : Reflect.deleteProperty(globalThis, name)));
}

test("WebSocket: connect first, batches both ways, the close frame's code", (t) => {
  const socket: any = { sent: [] as string[], send: (text: string) => socket.sent.push(text), close: () => (socket.closed = true) };
  replaceGlobal(t, "WebSocket", (url) => ((socket.url = url), socket));
  const record = recorder();
  const transport = webSocket(URL, CONNECT, record);
  assert.equal(socket.url, "ws://planet.test/app/k/connection/websocket");
  socket.onopen();
  transport.send([{ id: 2 }, {}]);
  assert.deepEqual(socket.sent, [JSON.stringify(CONNECT), '{"id":2}\n{}']);
  socket.onmessage({ data: '{"id":1,"connect":{"client":"c"}}\n{}' });
  assert.equal(record.frames.length, 2);
  socket.onclose({ code: 3001, reason: "shutdown" });
  socket.onmessage({ data: "{}" });
  assert.deepEqual([record.ends, record.frames.length], [[{ code: 3001, reason: "shutdown" }], 2]);
});

test("WebSocket: a broken handshake and a broken frame end it, close() is quiet", (t) => {
  const make = () => ({ close() {}, send() {} }) as any;
  let socket = make();
  replaceGlobal(t, "WebSocket", () => socket);
  const broken = recorder();
  webSocket(URL, CONNECT, broken);
  socket.onclose({ code: 1006, reason: "" });
  assert.deepEqual(broken.ends, [{ code: 2, reason: "WebSocket closed with 1006" }]);
  socket = make();
  const garbled = recorder();
  webSocket(URL, CONNECT, garbled);
  socket.onmessage({ data: "<html>" });
  assert.equal(garbled.ends[0]!.code, 7);
  socket = make();
  const closed = recorder();
  webSocket(URL, CONNECT, closed).close();
  socket.onclose({ code: 1000, reason: "" });
  assert.deepEqual(closed.ends, []);
});

test("HTTP streaming: frames cut anywhere, even inside a character", async (t) => {
  const requests = fakeFetch(t);
  const record = recorder();
  httpStream(URL, CONNECT, record);
  assert.equal(requests[0]!.url, URL + "/connection/http_stream");
  assert.deepEqual(requests[0]!.body, CONNECT);
  const bytes = new TextEncoder().encode(JSON.stringify(push("täglich 🌍")) + "\n{}\n");
  let controller!: ReadableStreamDefaultController;
  t.mock.method(globalThis, "fetch", async () => new Response(new ReadableStream({ start: (given) => void (controller = given) })));
  const cut = recorder();
  httpStream(URL, CONNECT, cut);
  await settle();
  for (const byte of bytes) {
    controller.enqueue(Uint8Array.of(byte));
    await settle();
  }
  assert.deepEqual(cut.frames, [push("täglich 🌍"), {}]);
});

test("HTTP streaming: commands wait for the session and leave one request at a time", async (t) => {
  const requests = fakeFetch(t);
  const record = recorder();
  const transport = httpStream(URL, CONNECT, record);
  const stream = await requests[0]!.stream();
  transport.send([{ id: 2 }]);
  assert.equal(requests.length, 1);
  await stream.write(JSON.stringify(CONNECTED) + "\n");
  assert.equal(requests[1]!.url, URL + "/emulation");
  assert.deepEqual(requests[1]!.body, { session: "S", node: "N", data: '{"id":2}' });
  transport.send([{ id: 3 }]);
  transport.send([{ id: 4 }]);
  await settle();
  assert.equal(requests.length, 2);
  await requests[1]!.json({});
  assert.equal(requests[2]!.body.data, '{"id":3}');
  await requests[2]!.json({}, 404);
  assert.deepEqual(record.ends, [{ code: 2, reason: "POST /emulation: status 404" }]);
  assert.equal(requests.length, 3, "nothing is sent after the end");
});

test("HTTP streaming: refused, ended, closed", async (t) => {
  const requests = fakeFetch(t);
  const refused = recorder();
  httpStream(URL, CONNECT, refused);
  await requests[0]!.json({}, 503);
  assert.deepEqual(refused.ends, [{ code: 2, reason: "HTTP streaming: status 503" }]);
  const ended = recorder();
  httpStream(URL, CONNECT, ended);
  await (await requests[1]!.stream()).end();
  assert.equal(ended.ends.length, 1);
  const closed = recorder();
  httpStream(URL, CONNECT, closed).close();
  await settle();
  assert.deepEqual([closed.ends, requests[2]!.aborted], [[], true]);
});

test("SSE: the connect command in the query, frames in data, no reconnect of its own", async (t) => {
  const requests = fakeFetch(t);
  const source: any = { close: () => (source.closed = true) };
  replaceGlobal(t, "EventSource", (url) => ((source.url = url), source));
  const record = recorder();
  const transport = sse(URL, CONNECT, record);
  const [path, query] = source.url.split("?cf_connect=");
  assert.equal(path, URL + "/connection/sse");
  assert.deepEqual(JSON.parse(decodeURIComponent(query)), CONNECT);
  source.onmessage({ data: JSON.stringify(CONNECTED) });
  transport.send([{ id: 2 }]);
  await settle();
  assert.equal(requests[0]!.body.session, "S");
  source.onerror();
  source.onmessage({ data: "{}" });
  assert.deepEqual([record.frames.length, record.ends.length, source.closed, requests[0]!.aborted], [1, 1, true, true]);
});

/** A long poll that is connected, with its first poll waiting. */
async function polling(t: { mock: { method: Function } }) {
  const requests = fakeFetch(t);
  const record = recorder();
  const transport = longPoll(URL, CONNECT, record);
  await requests[0]!.json({ session: "S", cursor: 1, frames: [CONNECTED] });
  return { requests, record, transport, newest: () => requests[requests.length - 1]! };
}

test("long polling: each poll acknowledges what came before it", async (t) => {
  const { requests, record, newest } = await polling(t);
  assert.deepEqual(requests.map(({ url, body }) => [url, body]), [
    [URL + "/connection/long_poll", CONNECT],
    [URL + "/connection/long_poll", { session: "S", cursor: 1 }],
  ]);
  await newest().json({ cursor: 3, frames: [push("a"), push("b")] });
  assert.deepEqual(newest().body, { session: "S", cursor: 3 });
  await newest().json({ cursor: 3, frames: [] });
  assert.deepEqual(newest().body, { session: "S", cursor: 3 });
  assert.deepEqual(record.frames, [CONNECTED, push("a"), push("b")]);
});

test("long polling: a lost response is asked for again by its cursor and taken once", async (t) => {
  const { record, newest, requests } = await polling(t);
  const first = newest();
  await first.lose();
  await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(requests.length, 3);
  assert.deepEqual(newest().body, { session: "S", cursor: 1 });
  await newest().json({}, 502);
  await new Promise((resolve) => setTimeout(resolve, 2));
  await newest().json({ cursor: 2, frames: [push("a")] });
  assert.deepEqual(record.frames, [CONNECTED, push("a")]);
  assert.deepEqual(newest().body, { session: "S", cursor: 2 });
});

test("long polling: of two polls only the newer one's response counts, and frames are taken once", async (t) => {
  const { record, requests, transport, newest } = await polling(t);
  const older = newest();
  transport.send([{ id: 2 }]);
  transport.send([{ id: 3 }]);
  await settle();
  assert.deepEqual(newest().body, { session: "S", cursor: 1, commands: [{ id: 2 }, { id: 3 }] });
  await older.json({ cursor: 2, frames: [push("a")] });
  assert.equal(requests.length, 3, "the older poll starts no other");
  await newest().json({ cursor: 4, frames: [push("a"), { id: 2 }, { id: 3 }] });
  assert.deepEqual(record.frames, [CONNECTED, push("a"), { id: 2 }, { id: 3 }]);
});

test("long polling: commands never overtake commands, and are never sent twice", async (t) => {
  const { requests, transport, newest } = await polling(t);
  transport.send([{ id: 2 }]);
  await settle();
  transport.send([{ id: 3 }]);
  await settle();
  assert.equal(requests.length, 3);
  await newest().lose();
  await new Promise((resolve) => setTimeout(resolve, 2));
  assert.deepEqual(newest().body, { session: "S", cursor: 1, commands: [{ id: 3 }] });
});

test("long polling: an unknown session ends it; close() stops the polls", async (t) => {
  const { record, newest } = await polling(t);
  await newest().json({}, 404);
  assert.deepEqual(record.ends, [{ code: 2, reason: "long polling: status 404" }]);
  const other = await polling(t);
  other.transport.close();
  await settle();
  assert.deepEqual([other.newest().aborted, other.record.ends], [true, []]);
});
