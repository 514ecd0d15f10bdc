import assert from "node:assert/strict";
import { test } from "node:test";
import { fullJitter, refreshDelay } from "../src/backoff";
import { start, startConnected } from "./support/client";
import { FakeEnvironment } from "./support/environment";

test("full jitter lies between nothing and a ceiling that doubles up to its bound", () => {
  const ceilings = [0, 1, 2, 3, 4, 5, 6, 40, 5000].map((attempt) => fullJitter(attempt, 500, 20_000, () => 1));
  assert.deepEqual(ceilings, [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000]);
  assert.equal(fullJitter(3, 500, 20_000, () => 0), 0);
  assert.equal(fullJitter(3, 500, 20_000, () => 0.25), 1000);
});

test("a token is renewed a fifth of its life before its end, 30 s at most", () => {
  assert.equal(refreshDelay(100), 80_000);
  assert.equal(refreshDelay(4320), 4_290_000);
  assert.equal(refreshDelay(10 ** 9), 2 ** 31 - 1);
});

test("transports are tried in order, the next at once when a handshake fails", async () => {
  const { environment, client } = await start();
  await environment.transport.fail();
  await environment.transport.fail();
  await environment.transport.fail();
  assert.deepEqual(environment.names, ["websocket", "http_stream", "sse", "long_poll"]);
  assert.equal(environment.time, 1_000_000);
  await environment.transport.accept();
  assert.equal(client.state, "connected");
  assert.equal(client.transport, "long_poll");
  assert.equal(client.client, "c1");
});

test("a transport without a reply is given up after its timeout, and later rounds are more patient", async () => {
  const { environment, states } = await start({ transports: ["websocket", "sse"], transportTimeout: 3000, backoff: { base: 1000, max: 1000 } });
  await environment.advance(2999);
  assert.deepEqual(environment.names, ["websocket"]);
  await environment.advance(1);
  assert.deepEqual(environment.names, ["websocket", "sse"]);
  assert.ok(environment.opened[0]!.closed);
  await environment.advance(3000);
  assert.equal(states[states.length - 1]!.state, "waiting");
  await environment.advance(1000);
  assert.equal(environment.names.length, 3);
  await environment.advance(5999);
  assert.equal(environment.names.length, 3);
  await environment.advance(1);
  assert.equal(environment.names.length, 4);
});

test("transports that the browser lacks are passed over; with none left the client closes", async () => {
  const { environment } = await start({}, new FakeEnvironment(["sse"]));
  assert.deepEqual(environment.names, ["sse"]);
  const { client, states } = await start({ transports: ["websocket"] }, new FakeEnvironment(["sse"]));
  assert.equal(client.state, "closed");
  assert.match(states[0]!.reason, /none of the transports/);
});

test("pauses grow with each failed round and start anew after a stable connection", async () => {
  const { environment, states } = await start({ transports: ["websocket"] });
  const pauses = () => states.filter(({ state }) => state === "waiting").map(({ retryIn }) => retryIn);
  await environment.transport.fail();
  await environment.advance(500);
  await environment.transport.fail();
  await environment.advance(1000);
  await environment.transport.fail();
  await environment.advance(2000);
  assert.deepEqual(pauses(), [500, 1000, 2000]);
  await environment.transport.accept();
  await environment.advance(4999);
  await environment.transport.fail();
  assert.deepEqual(pauses(), [500, 1000, 2000, 4000], "a connection that broke at once proves nothing");
  await environment.advance(4000);
  await environment.transport.accept();
  await environment.advance(5000);
  await environment.transport.fail();
  assert.equal(pauses().pop(), 500);
});

test("a transport that worked on this page is tried alone twice before the others are", async () => {
  const { environment } = await startConnected();
  await environment.transport.fail();
  await environment.advance(500);
  await environment.transport.fail();
  await environment.advance(1000);
  await environment.transport.fail();
  assert.deepEqual(environment.names, ["websocket", "websocket", "websocket"]);
  await environment.advance(2000);
  await environment.transport.fail();
  assert.deepEqual(environment.names.slice(3), ["websocket", "http_stream"]);
});

test("the transport that worked is remembered for the next page, for an hour", async () => {
  const first = await start();
  await first.environment.transport.fail();
  await first.environment.transport.accept();
  const next = async (later: number) => {
    const environment = new FakeEnvironment();
    environment.stored = first.environment.stored;
    environment.time += later;
    return (await start({}, environment)).environment;
  };
  assert.deepEqual((await next(3_599_999)).names, ["http_stream"]);
  const other = await next(1000);
  await other.transport.fail();
  assert.deepEqual(other.names, ["http_stream", "websocket"], "the rest follows in its order");
  assert.deepEqual((await next(3_600_000)).names, ["websocket"]);
});

test("a stored value that makes no sense is ignored", async () => {
  const environment = new FakeEnvironment();
  environment.stored.set("planet.transport:http://planet.test", "{not json");
  await start({}, environment);
  assert.deepEqual(environment.names, ["websocket"]);
});

test("a transport whose way up is blocked goes last", async () => {
  const { environment } = await start({ transports: ["http_stream", "long_poll"] });
  await environment.transport.accept();
  await environment.transport.fail(2, "POST /emulation: status 403");
  await environment.advance(500);
  assert.deepEqual(environment.names, ["http_stream", "long_poll"]);
});

test("each ping is answered when the server wants it, and not otherwise", async () => {
  const wanted = await startConnected();
  await wanted.environment.transport.receive({}, {});
  assert.deepEqual(wanted.environment.transport.sent, [{}, {}]);
  const unwanted = await startConnected({}, { pong: false });
  await unwanted.environment.transport.receive({});
  assert.deepEqual(unwanted.environment.transport.sent, []);
});

test("silence for the ping interval and 10 s ends the connection", async () => {
  const { environment, states, client } = await startConnected();
  await environment.advance(34_000);
  await environment.transport.receive({});
  await environment.advance(34_999);
  assert.equal(client.state, "connected");
  await environment.advance(1);
  const last = states[states.length - 1]!;
  assert.deepEqual([last.state, last.code], ["waiting", 4]);
  assert.ok(environment.opened[0]!.closed);
});

for (const [code, final] of [[3000, false], [3012, false], [3499, false], [3500, true], [3999, true], [4000, false], [4500, true], [4999, true], [5000, false]] as const) {
  test(`disconnect ${code}: ${final ? "the client stays away" : "the client comes back"}`, async () => {
    for (const how of ["close", "push"] as const) {
      const { environment, states, client } = await startConnected();
      if (how === "close") await environment.transport.fail(code, "told so");
      else await environment.transport.receive({ push: { disconnect: { code, reason: "told so" } } });
      const last = states[states.length - 1]!;
      assert.deepEqual([last.state, last.code, last.reason], [final ? "closed" : "waiting", code, "told so"]);
      await environment.advance(60_000);
      assert.equal(environment.opened.length > 1, !final);
      if (final) {
        client.reconnect();
        await environment.advance(0);
        assert.equal(environment.opened.length, 2, "the page may insist");
      }
    }
  });
}

test("a disconnect code before the connect reply is obeyed and does not try other transports", async () => {
  const { environment, client } = await start();
  await environment.transport.fail(3500, "invalid token");
  assert.equal(client.state, "closed");
  assert.deepEqual(environment.names, ["websocket"]);
});

test("nothing behind a disconnect in the same batch is taken", async () => {
  const { environment, client } = await startConnected();
  const got: unknown[] = [];
  client.on("message", ({ data }) => got.push(data));
  const message = (data: string) => ({ push: { message: { data } } });
  await environment.transport.receive(message("before"), { push: { disconnect: { code: 3001, reason: "shutdown" } } }, message("after"));
  assert.deepEqual(got, ["before"]);
});

test("a tab that slept checks its connection at once", async () => {
  const { environment, states } = await startConnected();
  environment.sleep(20_000);
  await environment.page("visible");
  assert.equal(environment.transport.count("ping"), 1);
  await environment.transport.reply("ping");
  await environment.advance(4000);
  assert.equal(states[states.length - 1]!.state, "connected");

  await environment.page("network");
  assert.equal(environment.transport.count("ping"), 2);
  await environment.advance(4000);
  const last = states[states.length - 1]!;
  assert.deepEqual([last.state, last.code], ["waiting", 5]);
});

test("a device that slept without the page being told is noticed by its clock", async () => {
  const { environment } = await startConnected();
  await environment.advance(5000);
  environment.sleep(15_000);
  await environment.advance(0);
  assert.equal(environment.transport.count("ping"), 1);
});

test("coming online ends the pause, and starts a round that began offline anew", async () => {
  const { environment } = await startConnected();
  await environment.transport.fail();
  await environment.page("offline");
  assert.equal(environment.opened.length, 1);
  await environment.page("online");
  assert.equal(environment.opened.length, 2);
  await environment.page("online");
  assert.equal(environment.opened.length, 3);
  assert.ok(environment.opened[1]!.closed);
});

test("a page in the back/forward cache holds no connection and comes back with the page", async () => {
  const { environment, client } = await startConnected();
  await environment.page("suspend");
  assert.ok(environment.transport.closed);
  await environment.page("visible");
  await environment.advance(100_000);
  assert.equal(environment.opened.length, 1);
  await environment.page("resume");
  await environment.transport.accept();
  assert.equal(client.state, "connected");
});

test("the id of the connection is known when the page is told of it", async () => {
  const { environment, client } = await start();
  const ids: (string | null)[] = [];
  client.on("state", () => ids.push(client.client));
  await environment.transport.accept({ client: "c7" });
  await environment.transport.fail();
  assert.deepEqual(ids, ["c7", null]);
});

test("close() is final, quiet and complete", async () => {
  const { environment, client, states } = await startConnected();
  const lost = assert.rejects(client.publish("chat", 1), { code: 11 });
  client.close();
  await lost;
  await environment.page("online");
  await environment.advance(100_000);
  assert.equal(environment.opened.length, 1);
  assert.deepEqual(states.map(({ state }) => state), ["connecting", "connected", "closed"]);
});
