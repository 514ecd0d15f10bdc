// npm ws: the protocol byte by byte, without a client library in between.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';

import WebSocket from 'ws';

import { API_KEY, Server } from '../../support/js/server.mjs';
import { LIMIT_MS, until } from '../../support/js/wait.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server?.discard());

/** Opens a socket and collects the frames that come, one JSON object each, pings answered as a client has to. */
async function socket(body, { path = '/connection/websocket', ...options } = {}) {
  const ws = new WebSocket(server.url.replace('http', 'ws') + path, options);
  ws.frames = [];
  ws.pings = 0;
  ws.on('message', (message, isBinary) => {
    assert.equal(isBinary, false);
    for (const line of message.toString().split('\n').filter(Boolean)) {
      if (line === '{}') {
        ws.pings += 1;
        ws.send('{}');
      } else ws.frames.push(JSON.parse(line));
    }
  });
  ws.closed = new Promise((resolve) => ws.once('close', (code, reason) => resolve([code, reason.toString()])));
  ws.ask = async (...commands) => {
    ws.send(commands.map((command) => JSON.stringify(command)).join('\n'));
    const answers = () => commands.map(({ id }) => ws.frames.find((frame) => frame.id === id));
    await until('every command is answered', () => answers().every(Boolean));
    return answers();
  };
  await once(ws, 'open');
  try {
    await body(ws);
  } finally {
    ws.terminate();
  }
}

const connect = { id: 1, connect: {} };

describe('npm ws', () => {
  for (const perMessageDeflate of [false, true]) {
    test(`speaks the protocol ${perMessageDeflate ? 'compressed' : 'plain'}`, () =>
      socket(async (ws) => {
        assert.equal(ws.extensions.includes('permessage-deflate'), perMessageDeflate);
        const [{ connect: result }] = await ws.ask(connect);
        assert.deepEqual([result.ping, result.pong], [2, true]);
        const channel = `chat:ws.${perMessageDeflate}`;
        const [{ subscribe }] = await ws.ask({ id: 2, subscribe: { channel } });
        assert.equal(subscribe.recoverable, true);
        const text = 'so much to say, '.repeat(1000);
        await ws.ask({ id: 3, publish: { channel, data: { text } } });
        const push = await until('the message arrives', () => ws.frames.find((frame) => frame.push?.pub));
        assert.deepEqual([push.push.channel, push.push.pub.data, push.push.pub.offset], [channel, { text }, 1]);
      }, { perMessageDeflate }));
  }

  test('is pinged and kept while it answers', () =>
    socket(async (ws) => {
      await ws.ask(connect);
      await until('three pings', () => ws.pings >= 3);
      assert.equal(ws.readyState, WebSocket.OPEN);
      ws.ping('are you there');
      const [answer] = await once(ws, 'pong');
      assert.equal(answer.toString(), 'are you there');
    }));

  test('is closed with 3012 when it does not answer pings', () =>
    socket(async (ws) => {
      ws.removeAllListeners('message');
      ws.send(JSON.stringify(connect));
      assert.equal((await ws.closed)[0], 3012);
    }));

  test('gets every answer of a batch', () =>
    socket(async (ws) => {
      const channel = 'chat:ws.batch';
      const answers = await ws.ask(connect, { id: 2, subscribe: { channel } }, { id: 3, publish: { channel, data: 1 } },
        { id: 4, presence_stats: { channel } }, { id: 5, history: { channel, limit: 10 } }, { id: 6, ping: {} });
      assert.deepEqual(answers.map(({ error }) => error), Array(6).fill(undefined));
      assert.deepEqual(answers[3].presence_stats, { num_clients: 1, num_users: 0 });
      assert.deepEqual(answers[4].history.publications.map(({ data }) => data), [1]);
    }));

  test('is closed with 1009 for a message above the limit', () =>
    socket(async (ws) => {
      await ws.ask(connect);
      ws.send(JSON.stringify({ id: 2, publish: { channel: 'chat:ws.big', data: 'x'.repeat(129 * 1024) } }));
      assert.equal((await ws.closed)[0], 1009);
    }));

  test('gets error 106 for a publication above the limit', () =>
    socket(async (ws) => {
      const [, { error }] = await ws.ask(connect,
        { id: 2, publish: { channel: 'chat:ws.big', data: 'x'.repeat(65 * 1024) } });
      assert.equal(error.code, 106);
    }));

  for (const [what, message, code] of [
    ['what is not JSON', 'hello', 3501],
    ['a command before connect', '{"id":1,"publish":{"channel":"chat:x","data":1}}', 3501],
  ]) {
    test(`is closed with ${code} for ${what}`, () =>
      socket(async (ws) => {
        ws.send(message);
        assert.equal((await ws.closed)[0], code);
      }));
  }

  test('gets error 107 for a second connect', () =>
    socket(async (ws) => {
      const [, { error }] = await ws.ask(connect, { id: 2, connect: {} });
      assert.equal(error.code, 107);
    }));

  test('finds any app by its key, and none by another', async () => {
    await socket(async (ws) => assert.ok((await ws.ask(connect))[0].connect.client),
      { path: `/app/${API_KEY}/connection/websocket` });
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/app/no_such_app/connection/websocket`);
    ws.on('error', () => {});
    const [, response] = await once(ws, 'unexpected-response', { signal: AbortSignal.timeout(LIMIT_MS) });
    assert.equal(response.statusCode, 404);
  });

  test('is refused from the page of a stranger', async () => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}/connection/websocket`, { origin: 'https://evil.example' });
    ws.on('error', () => {});
    const [, response] = await once(ws, 'unexpected-response', { signal: AbortSignal.timeout(LIMIT_MS) });
    assert.equal(response.statusCode, 403);
  });
});
