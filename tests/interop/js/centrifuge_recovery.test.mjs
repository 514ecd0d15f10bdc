// npm centrifuge loses its connection and gets what it missed, once and in order, or is told of a gap.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Proxy } from '../../support/js/proxy.mjs';
import { range } from '../../support/js/range.mjs';
import { Server } from '../../support/js/server.mjs';
import { TRANSPORTS, connected, stockClient, subscribed, withClients } from '../../support/js/stock.mjs';
import { inSeconds, jwt } from '../../support/js/tokens.mjs';
import { next, until } from '../../support/js/wait.mjs';

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

/** The default of `channels_per_connection`. A client subscribes to all of them in one batch. */
const CHANNELS = 128;

for (const transport of TRANSPORTS) {
  describe(`npm centrifuge over ${transport}`, () => {
    test('gets exactly what it missed while it was cut off', () => withClients(async (keep) => {
      const name = `chat:missed.${transport}`;
      const sub = await subscribed(await connected(keep(stockClient(proxy.url, transport))), name);
      for (const number of range(1, 3)) await server.publish(name, number);
      await until('the first messages arrive', () => sub.seen.length === 3);

      const lost = next(sub, 'subscribing');
      assert.ok(proxy.block() > 0);
      await lost;
      for (const number of range(4, 9)) await server.publish(name, number);
      const back = next(sub, 'subscribed');
      proxy.restore();
      const context = await back;
      assert.deepEqual([context.wasRecovering, context.recovered], [true, true]);
      await server.publish(name, 10);
      await until('the last message arrives', () => sub.seen.at(-1)?.data === 10);
      assert.deepEqual(sub.seen.map(({ data }) => data), range(1, 10));
      assert.deepEqual(sub.seen.map(({ offset }) => offset), range(1, 10));
    }));

    test('misses nothing when it is cut off again and again', () => withClients(async (keep) => {
      const name = `chat:again.${transport}`;
      const sub = await subscribed(await connected(keep(stockClient(proxy.url, transport))), name);
      for (const number of range(1, 100)) {
        await server.publish(name, number);
        if (number % 20 === 0) proxy.cut();
      }
      await until('the last message arrives', () => sub.seen.at(-1)?.data === 100);
      assert.deepEqual(sub.seen.map(({ data }) => data), range(1, 100));
    }));

    test('is told of a gap when the history no longer reaches back', () => withClients(async (keep) => {
      const name = `brief:gap.${transport}`;
      const sub = await subscribed(await connected(keep(stockClient(proxy.url, transport))), name);
      await server.publish(name, 1);
      await until('the first message arrives', () => sub.seen.length === 1);
      const lost = next(sub, 'subscribing');
      proxy.block();
      await lost;
      for (const number of range(2, 20)) await server.publish(name, number);
      const back = next(sub, 'subscribed');
      proxy.restore();
      const context = await back;
      assert.deepEqual([context.wasRecovering, context.recovered], [true, false]);
      await server.publish(name, 21);
      await until('what comes next arrives', () => sub.seen.at(-1)?.data === 21);
      const numbers = sub.seen.map(({ data }) => data);
      assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
    }));

    test('recovers channels that its token subscribes it to', () => withClients(async (keep) => {
      const name = `private:recovery.${transport}`;
      const token = jwt({ sub: 'julia', exp: inSeconds(300), channels: [name] });
      const julia = keep(stockClient(proxy.url, transport, { token }));
      const seen = [];
      julia.on('publication', ({ data }) => seen.push(data));
      const first = next(julia, 'subscribed');
      await connected(julia);
      await first;
      await server.publish(name, 1);
      await until('the first message arrives', () => seen.length === 1);
      const lost = next(julia, 'connecting');
      proxy.block();
      await lost;
      await server.publish(name, 2);
      const back = next(julia, 'subscribed');
      proxy.restore();
      assert.deepEqual((({ wasRecovering, recovered }) => [wasRecovering, recovered])(await back), [true, true]);
      await until('the missed message arrives', () => seen.length === 2);
      assert.deepEqual(seen, [1, 2]);
    }));

    test('comes back with as many channels as it may have', () => withClients(async (keep) => {
      const julia = await connected(keep(stockClient(proxy.url, transport)));
      const names = range(1, CHANNELS).map((number) => `chat:many.${transport}.${number}`);
      const subs = await Promise.all(names.map((name) => subscribed(julia, name)));
      const back = Promise.all(subs.map((sub) => next(sub, 'subscribed')));
      proxy.cut();
      assert.ok((await back).every(({ recovered }) => recovered));
    }));

    test('resumes after a graceful restart of the server', () => withClients(async (keep) => {
      const name = `chat:restart.${transport}`;
      let own = await Server.start();
      try {
        const sub = await subscribed(await connected(keep(stockClient(own.url, transport))), name);
        await own.publish(name, 1);
        await until('the first message arrives', () => sub.seen.length === 1);
        const { home, port } = own;
        const back = next(sub, 'subscribed', 30_000);
        assert.equal(await own.stop(), 0);
        own = await Server.start({ home, port });
        const context = await back;
        assert.equal(context.wasRecovering, true);
        await own.publish(name, 2);
        await until('the next message arrives', () => sub.seen.length === 2);
        assert.deepEqual(sub.seen.map(({ data }) => data), [1, 2]);
      } finally {
        await own.discard();
      }
    }));
  });
}
