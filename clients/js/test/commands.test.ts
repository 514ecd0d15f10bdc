import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeBatches, parseFrames } from "../src/protocol";
import { start, startConnected } from "./support/client";
import { settle } from "./support/environment";

test("frames of a batch are separated by newlines; blank lines mean nothing", () => {
  assert.deepEqual(parseFrames('{"id":1}\n{}\n\r\n{"push":{"channel":"a\\nb"}}\n'), [{ id: 1 }, {}, { push: { channel: "a\nb" } }]);
  assert.throws(() => parseFrames('{"id":1}\nnonsense'), SyntaxError);
});

test("commands leave in batches of bounded count and size", () => {
  const many = Array.from({ length: 70 }, (_, id) => ({ id }));
  assert.deepEqual(encodeBatches(many).map((batch) => batch.split("\n").length), [32, 32, 6]);
  const large = [1, 2, 3].map((id) => ({ id, publish: { data: "x".repeat(10_000) } }));
  assert.equal(encodeBatches(large).length, 3);
  assert.deepEqual(encodeBatches([]), []);
});

test("a publish resolves with its reply and rejects with the server's error", async () => {
  const { client, environment } = await startConnected();
  const sent = client.publish("chat", { a: 1 });
  await settle();
  assert.deepEqual(environment.transport.last("publish").params, { channel: "chat", data: { a: 1 } });
  await environment.transport.reply("publish");
  await sent;
  const refused = assert.rejects(client.publish("chat", 2), { name: "PlanetError", code: 103, temporary: false });
  await settle();
  await environment.transport.refuse("publish", 103);
  await refused;
  await assert.rejects(client.publish("chat", undefined), TypeError);
});

test("a command given too early waits for the connection, but not for ever", async () => {
  const { client, environment } = await start({ timeout: 2000, transports: ["websocket"] });
  const sent = client.publish("chat", "early");
  await environment.transport.accept();
  await environment.transport.reply("publish");
  await sent;
  await environment.transport.fail();
  const late = assert.rejects(client.publish("chat", "late"), { code: 10, temporary: true });
  await environment.advance(2000);
  await late;
});

test("a command whose reply is lost rejects and is not sent again", async () => {
  const { client, environment } = await startConnected();
  const lost = assert.rejects(client.publish("chat", 1), { code: 11, temporary: true });
  await settle();
  await environment.transport.fail();
  await lost;
  await environment.advance(500);
  await environment.transport.accept();
  assert.equal(environment.transport.count("publish"), 0);
});

test("no more than 1000 commands wait", async () => {
  const { client, environment } = await start();
  const first = Array.from({ length: 1000 }, (_, n) => client.publish("chat", n).catch((error) => error.code));
  await assert.rejects(client.publish("chat", 1000), { code: 12 });
  await environment.transport.accept();
  assert.equal(environment.transport.count("publish"), 1000);
  assert.deepEqual(environment.transport.sent.map((command) => (command.publish as { data: number }).data), [...first.keys()]);
  client.close();
  assert.deepEqual(await Promise.all(first), Array(1000).fill(11));
});

test("a reply that nobody asked for is ignored", async () => {
  const { client, environment } = await startConnected();
  await environment.transport.receive({ id: 999, publish: {} });
  assert.equal(client.state, "connected");
});
