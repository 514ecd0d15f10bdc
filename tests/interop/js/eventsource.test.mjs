// npm eventsource: the plain event stream at /sse, which resumes by Last-Event-ID.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { EventSource } from 'eventsource';

import { Proxy } from '../../support/js/proxy.mjs';
import { range } from '../../support/js/range.mjs';
import { API_KEY, Server } from '../../support/js/server.mjs';
import { inSeconds, jwt } from '../../support/js/tokens.mjs';
import { until } from '../../support/js/wait.mjs';

let server;
let proxy;
before(async () => {
  server = await Server.start();
  proxy = await Proxy.start(server.port);
});
after(async () => {
  await proxy?.stop();
  await server?.discard();
});

/** Opens an event stream and collects what arrives. */
async function listen(query, body, base = server.url) {
  const source = new EventSource(`${base}/sse?${query}`);
  const stream = { source, data: [], ids: [], gaps: [], opened: 0, failed: null };
  source.addEventListener('open', () => (stream.opened += 1));
  source.addEventListener('error', (error) => (stream.failed = error.code ?? stream.failed));
  source.addEventListener('gap', ({ data }) => stream.gaps.push(JSON.parse(data)));
  source.addEventListener('message', ({ data, lastEventId }) => {
    stream.data.push(JSON.parse(data));
    stream.ids.push(lastEventId);
  });
  try {
    await body(stream);
  } finally {
    source.close();
  }
}

test('delivers what is published, with its position', () =>
  listen('channel=news:plain', async (stream) => {
    await until('the stream opens', () => stream.opened === 1);
    const messages = ['text', 7, { 'two\nlines': 'in a key' }, null];
    for (const data of messages) await server.publish('news:plain', data);
    await until('all arrive', () => stream.data.length === messages.length);
    assert.deepEqual(stream.data, messages);
    const [epochs, offsets] = [0, 1].map((part) => stream.ids.map((id) => id.split(':')[part]));
    assert.deepEqual([new Set(epochs).size, offsets], [1, ['1', '2', '3', '4']]);
  }));

test('gets exactly what it missed while it was cut off', () =>
  listen('channel=news:missed', async (stream) => {
    await until('the stream opens', () => stream.opened === 1);
    for (const number of range(1, 3)) await server.publish('news:missed', number);
    await until('the first ones arrive', () => stream.data.length === 3);
    proxy.block();
    for (const number of range(4, 9)) await server.publish('news:missed', number);
    proxy.restore();
    await until('the stream opens again', () => stream.opened === 2);
    await server.publish('news:missed', 10);
    await until('all arrive', () => stream.data.at(-1) === 10);
    assert.deepEqual(stream.data, range(1, 10));
    assert.deepEqual(stream.gaps, []);
  }, proxy.url));

test('is told of a gap when the history no longer reaches back', () =>
  listen('channel=brief:stream', async (stream) => {
    await until('the stream opens', () => stream.opened === 1);
    await server.publish('brief:stream', 1);
    await until('the first one arrives', () => stream.data.length === 1);
    proxy.block();
    for (const number of range(2, 20)) await server.publish('brief:stream', number);
    proxy.restore();
    await until('the gap is told', () => stream.gaps.length === 1);
    assert.equal(stream.gaps[0].channel, 'brief:stream');
    await server.publish('brief:stream', 21);
    await until('what comes next arrives', () => stream.data.at(-1) === 21);
    assert.deepEqual(stream.data, [...new Set(stream.data)].sort((a, b) => a - b));
  }, proxy.url));

test('carries the positions of several channels', () =>
  listen('channel=news:one&channel=news:two', async (stream) => {
    await until('the stream opens', () => stream.opened === 1);
    await server.publish('news:one', 'one 1');
    await server.publish('news:two', 'two 1');
    await until('both arrive', () => stream.data.length === 2);
    proxy.block();
    await server.publish('news:two', 'two 2');
    await server.publish('news:one', 'one 2');
    proxy.restore();
    await until('the missed ones arrive', () => stream.data.length === 4);
    assert.deepEqual(stream.data.slice(0, 2), ['one 1', 'two 1']);
    assert.deepEqual(stream.data.slice(2).sort(), ['one 2', 'two 2']);
  }, proxy.url));

test('may name its app and bring a token in the address', async () => {
  const channel = 'private:stream';
  const token = jwt({ sub: 'julia', channels: [channel], exp: inSeconds(60) });
  await listen(`app=${API_KEY}&channel=${channel}&token=${token}`, async (stream) => {
    await until('the stream opens', () => stream.opened === 1);
    await server.publish(channel, 'secret');
    await until('the message arrives', () => stream.data.length === 1);
    assert.deepEqual(stream.data, ['secret']);
  });
});

test('is refused for good where it may not listen', async () => {
  for (const [query, status] of [['channel=private:stream', 403], ['channel=not%20a%20name', 400], ['', 400]]) {
    await listen(query, async (stream) => {
      await until('the stream fails', () => stream.failed !== null);
      assert.equal(stream.failed, status, query);
      assert.equal(stream.source.readyState, EventSource.CLOSED);
    });
  }
});
