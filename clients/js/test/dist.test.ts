import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import vm from "node:vm";
import { gzipSync } from "node:zlib";

// The tests run bundled, from .build/test.
const root = join(import.meta.dirname, "../..");
const FILES = ["client.mjs", "client.js", "client.d.ts"];
const MOST_GZIPPED_BYTES = 10_000;

test("dist/ is what the sources build", (t) => {
  const out = mkdtempSync(join(tmpdir(), "planet-dist-"));
  t.after(() => rmSync(out, { recursive: true }));
  execFileSync(process.execPath, [join(root, "scripts/build.mjs"), "--out", out]);
  for (const file of FILES) {
    const [committed, built] = [join(root, "dist", file), join(out, file)].map((path) => readFileSync(path, "utf8"));
    assert.ok(committed === built, `dist/${file} differs from the sources: run "npm run build" and commit it`);
  }
});

for (const file of ["client.mjs", "client.js"]) {
  test(`dist/${file} is small`, () => {
    const { length } = gzipSync(readFileSync(join(root, "dist", file)));
    assert.ok(length < MOST_GZIPPED_BYTES, `${length} bytes gzipped`);
  });
}

/** A page with only a WebSocket, for the classic script. */
function classicPage(src: string) {
  const sockets: any[] = [];
  const context: any = vm.createContext({
    document: { currentScript: { src } },
    console, URL, setTimeout, clearTimeout, queueMicrotask,
    WebSocket: function (url: string) {
      const socket: any = { url, sent: [] as string[], send: (text: string) => socket.sent.push(...text.split("\n").map((line) => JSON.parse(line))), close() {} };
      sockets.push(socket);
      return socket;
    },
  });
  vm.runInContext(readFileSync(join(root, "dist/client.js"), "utf8") + "\nglobalThis.Beacon = Beacon;", context);
  return { Beacon: context.Beacon, sockets };
}

test("the classic script: Beacon.connect and Beacon.listen, paths from the script's own address", async () => {
  for (const [src, base] of [["https://push.test/1/client.js", "wss://push.test"], ["https://push.test/deep/1/client.js", "wss://push.test/deep"]]) {
    const { Beacon, sockets } = classicPage(src!);
    const got: unknown[] = [];
    Beacon.listen((message: unknown) => got.push(message));
    Beacon.connect("KEY45678", ["chat"], { user: "julia", token: "99;ab" });
    await new Promise((resolve) => setTimeout(resolve));
    const [socket] = sockets;
    assert.equal(socket.url, `${base}/app/KEY45678/connection/websocket`);
    socket.onopen();
    const { id, connect } = socket.sent[0];
    assert.deepEqual([connect.token, connect.data], ["99;ab", { user: "julia" }]);
    socket.onmessage({ data: JSON.stringify({ id, connect: { client: "c" } }) });
    await new Promise((resolve) => setTimeout(resolve));
    const subscribe = socket.sent.find((command: any) => command.subscribe);
    assert.equal(subscribe.subscribe.channel, "chat");
    socket.onmessage({ data: JSON.stringify({ id: subscribe.id, subscribe: {} }) });
    socket.onmessage({ data: JSON.stringify({ push: { channel: "chat", pub: { data: { name: "event", data: 1 } } } }) });
    socket.onmessage({ data: JSON.stringify({ push: { message: { data: "to julia" } } }) });
    assert.deepEqual(JSON.parse(JSON.stringify(got)), [{ name: "event", data: 1 }, "to julia"]);
    Beacon.disconnect();
    await assert.rejects(Beacon.publish("chat", 1), /was not called/);
  }
});
