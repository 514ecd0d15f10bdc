import assert from "node:assert/strict";
import { test } from "node:test";
import { start, startConnected } from "./support/client";
import { FakeEnvironment, settle } from "./support/environment";

test("user, token and data go with the connect command", async () => {
  const { environment } = await start({ user: "julia", token: "4320;abc", data: { room: 7 }, apiKey: "key45678" });
  assert.equal(environment.transport.url, "http://planet.test/app/key45678");
  const { token, data } = environment.transport.connect.connect as { token: string; data: unknown };
  assert.equal(token, "4320;abc");
  assert.deepEqual(data, { room: 7, user: "julia" });
});

test("an expired token is replaced, and the same transport tried again at once", async () => {
  let count = 0;
  const { environment, client } = await start({ token: "old", getToken: ({ url }) => `${url}#${++count}` });
  await environment.transport.receive({ id: environment.transport.connect.id, error: { code: 109, message: "token expired" } });
  assert.deepEqual(environment.names, ["websocket", "websocket"]);
  assert.equal((environment.transport.connect.connect as { token: string }).token, "http://planet.test#1");
  await environment.transport.receive({ id: environment.transport.connect.id, error: { code: 109, message: "token expired" } });
  assert.equal(client.state, "waiting", "a source of expired tokens is asked at the pace of the backoff");
});

test("an expired token without a source of others closes the client", async () => {
  const errors: number[] = [];
  const { environment, client } = await start({ token: "old" });
  client.on("error", ({ error }) => errors.push(error.code));
  await environment.transport.receive({ id: environment.transport.connect.id, error: { code: 109, message: "token expired" } });
  assert.equal(client.state, "closed");
  assert.deepEqual(errors, [109]);
});

test("a refused connect closes the client unless the error is temporary", async () => {
  for (const [code, temporary, state] of [[101, false, "closed"], [100, true, "waiting"]] as const) {
    const { environment, client } = await start();
    await environment.transport.receive({ id: environment.transport.connect.id, error: { code, message: "no", temporary } });
    assert.equal(client.state, state);
    assert.deepEqual(environment.names, ["websocket"], "the transport was not at fault");
  }
});

test("the token is renewed before its end, again and again", async () => {
  let count = 0;
  const { environment } = await startConnected({ getToken: () => `token ${++count}` }, { expires: true, ttl: 20, ping: 0 });
  await environment.advance(15_999);
  assert.equal(environment.transport.count("refresh"), 0);
  await environment.advance(1);
  assert.deepEqual(environment.transport.last("refresh").params, { token: "token 2" });
  await environment.transport.reply("refresh", { expires: true, ttl: 10 });
  await environment.advance(8000);
  assert.deepEqual(environment.transport.last("refresh").params, { token: "token 3" });
});

test("a token source that fails for a while is asked again; one that says no closes the client", async () => {
  let answer: () => string | null = () => "first";
  const { environment, client } = await startConnected({ getToken: async () => answer() }, { expires: true, ttl: 20, ping: 0 });
  answer = () => {
    throw new Error("back end away");
  };
  await environment.advance(16_000);
  assert.equal(client.state, "connected");
  answer = () => "second";
  await environment.advance(10_000);
  assert.deepEqual(environment.transport.last("refresh").params, { token: "second" });
  await environment.transport.reply("refresh", { expires: true, ttl: 20 });
  answer = () => null;
  await environment.advance(16_000);
  assert.equal(client.state, "closed");
});

test("a token source that fails before the first connection is asked again after a pause", async () => {
  let broken = true;
  const environment = new FakeEnvironment();
  const getToken = () => {
    if (broken) throw new Error("back end away");
    return "token";
  };
  const { client } = await start({ getToken }, environment);
  assert.equal(client.state, "waiting");
  assert.equal(environment.opened.length, 0);
  broken = false;
  await environment.advance(500);
  assert.equal(environment.opened.length, 1);
});

test("disconnect 3005 fetches a new token", async () => {
  let count = 0;
  const { environment } = await startConnected({ getToken: () => `token ${++count}` });
  await environment.transport.fail(3005, "expired");
  await environment.advance(500);
  assert.equal((environment.transport.connect.connect as { token: string }).token, "token 2");
});

test("subscription tokens: fetched, replaced when expired, renewed in time", async () => {
  let count = 0;
  const { environment, client } = await startConnected({ getSubscriptionToken: ({ channel }) => `${channel} ${++count}` }, { ping: 0 });
  client.subscribe("private");
  await settle();
  assert.equal(environment.transport.last("subscribe").params.token, "private 1");
  await environment.transport.refuse("subscribe", 109);
  await environment.advance(500);
  assert.equal(environment.transport.last("subscribe").params.token, "private 2");
  await environment.transport.reply("subscribe", { expires: true, ttl: 50 });
  await environment.advance(40_000);
  assert.deepEqual(environment.transport.last("sub_refresh").params, { channel: "private", token: "private 3" });
});
