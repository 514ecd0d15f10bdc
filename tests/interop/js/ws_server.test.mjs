// npm ws as the server of Planet's own WebSocket client.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { describe, test } from 'node:test';

import { WebSocketServer } from 'ws';

import { ECHOED, echo } from '../../support/js/probe.mjs';

/** Runs `body` with the URL of an echo server, and gives what the server saw of its one client. */
async function serving(body, { inFragments = false, closes = false, ...options } = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  await once(server, 'listening');
  const seen = {};
  server.on('connection', (ws, request) => {
    seen.headers = request.headers;
    seen.closed = new Promise((resolve) => ws.once('close', (code, reason) => resolve([code, reason.toString()])));
    ws.once('pong', (data) => (seen.pong = data.toString()));
    ws.ping('are you there');
    ws.on('message', (data, binary) => {
      if (closes && !binary && data.toString() === 'close') return ws.close(4001, 'enough');
      if (inFragments && data.length > 2) {
        const cut = Math.floor(data.length / 3);
        ws.send(data.subarray(0, cut), { binary, fin: false });
        ws.send(data.subarray(cut, 2 * cut), { binary, fin: false });
        return ws.send(data.subarray(2 * cut), { binary, fin: true });
      }
      ws.send(data, { binary });
    });
  });
  try {
    await body(`ws://127.0.0.1:${server.address().port}`, seen);
  } finally {
    server.clients.forEach((client) => client.terminate());
    server.close();
  }
}

describe("Planet's client at npm ws", () => {
  for (const compressed of [false, true]) {
    for (const inFragments of [false, true]) {
      const how = `${compressed ? 'compressed' : 'plain'}${inFragments ? ', answered in fragments' : ''}`;
      test(`round trips, ${how}`, () =>
        serving(async (url, seen) => {
          const lines = await echo(url, ...(compressed ? ['--deflate'] : []));
          assert.deepEqual(lines, [`compressed ${compressed}`, 'subprotocol -', ...ECHOED, 'ponged', 'closed by the client']);
          assert.equal(seen.pong, 'are you there');
          assert.deepEqual(await seen.closed, [1000, 'done']);
        }, { inFragments, perMessageDeflate: compressed && { threshold: 0 } }));
    }
  }

  test('compression that the server does not want is not used', () =>
    serving(async (url) => assert.equal((await echo(url, '--deflate'))[0], 'compressed false')));

  test('subprotocols and headers', () =>
    serving(async (url, seen) => {
      const lines = await echo(`${url}/path?query`, '--subprotocol', 'v1', '--subprotocol', 'v2', '--header', 'X-Test: yes');
      assert.equal(lines[1], 'subprotocol v2');
      assert.equal(seen.headers['x-test'], 'yes');
      assert.equal(seen.headers['sec-websocket-protocol'], 'v1, v2');
    }, { handleProtocols: () => 'v2' }));

  test('a close of the server', () =>
    serving(async (url, seen) => {
      assert.equal((await echo(url)).at(-1), 'closed by the server 4001 (enough)');
      assert.equal((await seen.closed)[0], 4001);
    }, { closes: true }));

  test('a refusal is told', () =>
    serving((url) => assert.rejects(echo(url), ({ stderr }) => stderr.includes('401')), { verifyClient: () => false }));

  test('through an HTTP proxy', () =>
    serving(async (url) => {
      const asked = [];
      const proxy = createServer().listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      proxy.on('connect', ({ url: target }, client) => {
        asked.push(target);
        const { hostname, port } = new URL(`http://${target}`);
        const server = connect(port, hostname, () => client.write('HTTP/1.1 200 Connection established\r\n\r\n'));
        client.pipe(server).pipe(client);
        for (const end of [client, server]) end.on('error', () => {});
      });
      try {
        const lines = await echo(url, '--proxy', `http://127.0.0.1:${proxy.address().port}`);
        assert.equal(lines.at(-1), 'closed by the client');
        assert.deepEqual(asked, [new URL(url).host]);
      } finally {
        proxy.closeAllConnections();
        proxy.close();
      }
    }));
});
