import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectOptions, Gap, Message, SubscribeOptions, SubscriptionStateChange } from "../src/types";
import { startConnected } from "./support/client";
import { settle } from "./support/environment";

const LOG = { recoverable: true, epoch: "e1", offset: 10 };

/** A client subscribed to "chat", with everything it was told. */
async function subscribed(options: SubscribeOptions = {}, result: object = LOG, connect: ConnectOptions = {}) {
  const started = await startConnected({ transports: ["websocket"], ...connect });
  const { client, environment } = started;
  const got: Message[] = [];
  const gaps: Gap[] = [];
  const changes: SubscriptionStateChange[] = [];
  const order: string[] = [];
  const subscription = client.subscribe("chat", {
    onMessage: (message) => (got.push(message), order.push(`${message.data}`)),
    onGap: (gap) => (gaps.push(gap), order.push(`gap ${gap.reason}`)),
    onState: (change) => changes.push(change),
    ...options,
  });
  await settle();
  await environment.transport.reply("subscribe", result);
  /** Cuts the connection and brings it up to the resubscribe command. */
  const cut = async () => {
    environment.chance = 0;
    await environment.transport.fail();
    await environment.advance(0);
    await environment.transport.accept();
    return environment.transport.last("subscribe").params;
  };
  const data = () => got.map((message) => message.data);
  return { ...started, subscription, got, data, gaps, changes, order, cut };
}

const publications = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => ({ data: `m${from + n}`, offset: from + n }));

test("a resume asks for what came after the last message, and repeats none", async () => {
  const { environment, cut, data, got, gaps, changes } = await subscribed();
  await environment.transport.publish("chat", "m11", 11);
  await environment.transport.publish("chat", "m12", 12);
  await environment.transport.publish("chat", "m12", 12);
  const params = await cut();
  assert.deepEqual(params, { channel: "chat", recoverable: true, recover: true, epoch: "e1", offset: 12 });
  await environment.transport.reply("subscribe", { ...LOG, offset: 15, recovered: true, was_recovering: true, publications: publications(12, 15) });
  await environment.transport.publish("chat", "m15", 15);
  await environment.transport.publish("chat", "m16", 16);
  assert.deepEqual(data(), ["m11", "m12", "m13", "m14", "m15", "m16"]);
  assert.deepEqual(got.map(({ origin }) => origin), ["live", "live", "recovered", "recovered", "recovered", "live"]);
  assert.deepEqual(gaps, []);
  assert.deepEqual(changes.map(({ state, recovered }) => [state, recovered]), [["subscribed", false], ["subscribing", undefined], ["subscribed", true]]);
});

test("publications in the batch of the subscribe reply are not lost", async () => {
  const { environment, client } = await startConnected();
  const got: unknown[] = [];
  client.subscribe("chat", { onMessage: ({ data }) => got.push(data) });
  await settle();
  const { id } = environment.transport.last("subscribe");
  await environment.transport.receive({ id, subscribe: LOG }, { push: { channel: "chat", pub: { data: "m11", offset: 11 } } });
  assert.deepEqual(got, ["m11"]);
});

test("a resume that the server cannot serve is a gap, and life goes on from the new position", async () => {
  const { environment, cut, data, gaps } = await subscribed();
  await cut();
  await environment.transport.reply("subscribe", { recoverable: true, epoch: "e2", offset: 3, recovered: false, was_recovering: true });
  await environment.transport.publish("chat", "m3", 3);
  await environment.transport.publish("chat", "m4", 4);
  assert.deepEqual(gaps, [{ channel: "chat", reason: "unrecoverable" }]);
  assert.deepEqual(data(), ["m4"]);
  assert.deepEqual(await cut(), { channel: "chat", recoverable: true, recover: true, epoch: "e2", offset: 4 });
});

test("a channel without a log cannot be resumed, and says so", async () => {
  const { environment, cut, gaps } = await subscribed({}, {});
  await environment.transport.publish("chat", "typing");
  assert.deepEqual(await cut(), { channel: "chat", recoverable: true });
  await environment.transport.reply("subscribe", {});
  assert.deepEqual(gaps, [{ channel: "chat", reason: "no_history" }]);
});

test("the server's notice of dropped messages is a gap and not a message", async () => {
  const { environment, client, data, gaps } = await subscribed();
  const all: unknown[] = [];
  client.on("message", (message) => all.push(message.channel));
  const notice = { push: { message: { data: { gap: { channel: "chat", dropped: 4, first: 11, last: 14 } } } } };
  await environment.transport.receive(notice);
  await environment.transport.publish("chat", "m15", 15);
  await environment.transport.receive(notice);
  assert.deepEqual(gaps, [{ channel: "chat", reason: "dropped", dropped: 4, first: 11, last: 14 }]);
  assert.deepEqual(data(), ["m15"]);
  await environment.transport.receive({ push: { message: { data: { gap: "between teeth" } } } });
  assert.deepEqual(all, ["chat", null]);
});

test("missing offsets between two messages are a gap", async () => {
  const { environment, gaps, order } = await subscribed();
  await environment.transport.publish("chat", "m11", 11);
  await environment.transport.publish("chat", "m14", 14);
  assert.deepEqual(gaps, [{ channel: "chat", reason: "skipped", dropped: 2, first: 12, last: 13 }]);
  assert.deepEqual(order, ["m11", "gap skipped", "m14"]);
});

test("history comes first and live messages after it, each once", async () => {
  const { environment, got, data } = await subscribed({ history: 3 });
  await environment.transport.publish("chat", "m11", 11);
  assert.deepEqual(data(), [], "held until the history is there");
  assert.deepEqual(environment.transport.last("history").params, { channel: "chat", limit: 3, reverse: true });
  await environment.transport.reply("history", { epoch: "e1", offset: 11, publications: publications(9, 11).reverse() });
  await environment.transport.publish("chat", "m12", 12);
  assert.deepEqual(data(), ["m9", "m10", "m11", "m12"]);
  assert.deepEqual(got.map(({ origin }) => origin), ["history", "history", "live", "live"]);
});

test("a cut while the history is on its way loses and repeats nothing", async () => {
  const { environment, cut, data } = await subscribed({ history: 3 });
  await environment.transport.publish("chat", "m11", 11);
  assert.equal((await cut()).offset, 11);
  await environment.transport.reply("subscribe", { ...LOG, offset: 12, recovered: true, publications: publications(12, 12) });
  await environment.transport.reply("history", { epoch: "e1", offset: 12, publications: publications(10, 12) });
  assert.deepEqual(data(), ["m10", "m11", "m12"]);
});

test("after a gap the history fills in what the server still has, behind the notice", async () => {
  const { environment, cut, order } = await subscribed({ history: 5 });
  await environment.transport.reply("history", { epoch: "e1", offset: 10, publications: publications(9, 10) });
  await cut();
  await environment.transport.reply("subscribe", { ...LOG, offset: 20, recovered: false, was_recovering: true });
  await environment.transport.publish("chat", "m21", 21);
  await environment.transport.reply("history", { epoch: "e1", offset: 21, publications: publications(17, 21).reverse() });
  assert.deepEqual(order, ["m9", "m10", "gap unrecoverable", "m17", "m18", "m19", "m20", "m21"]);
});

test("a history that is refused holds nothing back", async () => {
  const errors: number[] = [];
  const { environment, data } = await subscribed({ history: 5, onError: ({ code }) => errors.push(code) });
  await environment.transport.publish("chat", "m11", 11);
  await environment.transport.refuse("history", 108);
  assert.deepEqual([data(), errors], [["m11"], [108]]);
});

test("a history that never comes holds back no more than 1000 messages", async () => {
  const { environment, data } = await subscribed({ history: 5 });
  await environment.transport.receive(...publications(11, 1011).map((pub) => ({ push: { channel: "chat", pub } })));
  assert.equal(data().length, 1001);
});

test("two subscriptions of the page share one of the connection", async () => {
  const { environment, client, subscription, data } = await subscribed();
  const other: unknown[] = [];
  const states: string[] = [];
  const second = client.subscribe("chat", { history: 2, onMessage: ({ data }) => other.push(data), onState: ({ state }) => states.push(state) });
  await settle();
  assert.equal(environment.transport.count("subscribe"), 1);
  await environment.transport.reply("history", { epoch: "e1", publications: publications(9, 10) });
  await environment.transport.publish("chat", "m11", 11);
  assert.deepEqual([data(), other, states], [["m11"], ["m9", "m10", "m11"], ["subscribed"]]);
  subscription.unsubscribe();
  await environment.transport.publish("chat", "m12", 12);
  assert.equal(environment.transport.count("unsubscribe"), 0);
  second.unsubscribe();
  await settle();
  assert.equal(environment.transport.count("unsubscribe"), 1);
  await environment.transport.publish("chat", "m13", 13);
  assert.deepEqual([data(), other], [["m11"], ["m9", "m10", "m11", "m12"]]);
});

test("subscriptions made before the connection, in one turn, subscribe once", async () => {
  const { environment, client } = await startConnected();
  client.subscribe("chat");
  client.subscribe("chat", { onJoin: () => {} });
  await settle();
  assert.equal(environment.transport.count("subscribe"), 1);
  assert.equal(environment.transport.last("subscribe").params.join_leave, true);
});

test("join and leave are asked for only when someone listens, and then told", async () => {
  const { environment, client } = await subscribed();
  assert.equal(environment.transport.last("subscribe").params.join_leave, undefined);
  const seen: string[] = [];
  client.subscribe("chat", { onJoin: ({ user }) => seen.push(`+${user}`), onLeave: ({ user }) => seen.push(`-${user}`) });
  await settle();
  assert.equal(environment.transport.last("subscribe").params.join_leave, true);
  assert.equal(environment.transport.last("subscribe").params.offset, 10, "without losing the place");
  await environment.transport.reply("subscribe", { ...LOG, recovered: true });
  await environment.transport.receive({ push: { channel: "chat", join: { info: { user: "ann", client: "1" } } } });
  await environment.transport.receive({ push: { channel: "chat", leave: { info: { user: "ann", client: "1" } } } });
  assert.deepEqual(seen, ["+ann", "-ann"]);
});

test("a refused subscription ends, and what waits for it is told", async () => {
  const { environment, client } = await startConnected();
  const changes: string[] = [];
  const subscription = client.subscribe("secret", { onState: ({ state, code }) => changes.push(`${state} ${code}`) });
  const waiting = assert.rejects(subscription.publish("x"), { code: 13 });
  await settle();
  await environment.transport.refuse("subscribe", 103);
  await waiting;
  assert.deepEqual(changes, ["unsubscribed 103"]);
  await assert.rejects(subscription.presence(), { code: 13 });
  client.subscribe("secret");
  await settle();
  assert.equal(environment.transport.count("subscribe"), 2, "a new attempt is a new subscription");
});

test("a temporary refusal is tried again; 112 is a gap and a fresh start; 105 unsubscribes first", async () => {
  const { environment, cut, gaps } = await subscribed();
  await cut();
  environment.chance = 1;
  await environment.transport.refuse("subscribe", 100, true);
  await environment.advance(500);
  assert.equal(environment.transport.count("subscribe"), 2);
  await environment.transport.refuse("subscribe", 112);
  await environment.advance(1000);
  assert.deepEqual(environment.transport.last("subscribe").params, { channel: "chat", recoverable: true });
  assert.deepEqual(gaps, [{ channel: "chat", reason: "unrecoverable" }]);
  await environment.transport.refuse("subscribe", 105);
  await environment.advance(2000);
  assert.equal(environment.transport.count("unsubscribe"), 1);
  assert.equal(environment.transport.count("subscribe"), 4);
});

test("a subscribe without a reply ends the connection rather than the order", async () => {
  const { environment, client, states } = await startConnected({ timeout: 3000 });
  client.subscribe("chat");
  await environment.advance(3000);
  assert.deepEqual([states.pop()!.state, environment.opened[0]!.closed], ["waiting", true]);
});

test("unsubscribe pushes: from 2500 on the client subscribes again, below it stops", async () => {
  const { environment, changes } = await subscribed();
  await environment.transport.receive({ push: { channel: "chat", unsubscribe: { code: 2500, reason: "insufficient state" } } });
  assert.equal(environment.transport.last("subscribe").params.offset, 10);
  await environment.transport.reply("subscribe", { ...LOG, recovered: true });
  await environment.transport.receive({ push: { channel: "chat", unsubscribe: { code: 2000, reason: "server" } } });
  assert.deepEqual(changes.map(({ state, code }) => `${state} ${code}`), ["subscribed 0", "subscribing 2500", "subscribed 0", "unsubscribed 2000"]);
  assert.equal(environment.transport.count("subscribe"), 2);
});

test("subscriptions that the server makes are delivered, resumed and ended", async () => {
  const { environment, client } = await startConnected({ transports: ["websocket"] }, { subs: { news: { recoverable: true, epoch: "n", offset: 1 } } });
  const got: unknown[] = [];
  client.on("message", ({ channel, data }) => got.push(`${channel} ${data}`));
  await environment.transport.publish("news", "two", 2);
  await environment.transport.receive({ push: { channel: "more", subscribe: {} } });
  await environment.transport.publish("more", "hello");
  await environment.transport.fail();
  await environment.advance(500);
  assert.deepEqual((environment.transport.connect.connect as { subs: object }).subs, { news: { recover: true, epoch: "n", offset: 2 } });
  await environment.transport.accept({ subs: { news: { recoverable: true, epoch: "n", offset: 3, recovered: true, publications: [{ data: "three", offset: 3 }] } } });
  await environment.transport.receive({ push: { channel: "news", unsubscribe: { code: 2000, reason: "server" } } });
  await environment.transport.publish("news", "four", 4);
  assert.deepEqual(got, ["news two", "more hello", "news three"]);
});

test("presence, its counts and history come in the shape of the types", async () => {
  const { environment, subscription } = await subscribed();
  const ann = { user: "ann", client: "1" };
  const presence = subscription.presence();
  await settle();
  await environment.transport.reply("presence", { presence: { "1": ann } });
  assert.deepEqual(await presence, [ann]);
  const stats = subscription.presenceStats();
  await settle();
  await environment.transport.reply("presence_stats", { num_clients: 2, num_users: 1 });
  assert.deepEqual(await stats, { clients: 2, users: 1 });
  const history = subscription.history({ limit: 1, since: { epoch: "e1", offset: 9 } });
  await settle();
  assert.deepEqual(environment.transport.last("history").params, { channel: "chat", limit: 1, since: { epoch: "e1", offset: 9 }, reverse: undefined });
  await environment.transport.reply("history", { epoch: "e1", offset: 10, publications: publications(10, 10) });
  assert.deepEqual(await history, { epoch: "e1", offset: 10, publications: [{ channel: "chat", data: "m10", offset: 10, info: undefined, origin: "history" }] });
});

test("an exception in a handler of the page harms no one else and is not swallowed", async (t) => {
  const error = new Error("of the page");
  const { environment, client } = await subscribed({
    onMessage: () => {
      throw error;
    },
  });
  const got: unknown[] = [];
  client.on("message", ({ data }) => got.push(data));
  const later = t.mock.method(globalThis, "setTimeout", () => 0);
  await environment.transport.publish("chat", "m11", 11);
  later.mock.restore();
  assert.deepEqual([got, client.state], [["m11"], "connected"]);
  assert.throws(later.mock.calls[0]!.arguments[0] as () => void, error);
});
