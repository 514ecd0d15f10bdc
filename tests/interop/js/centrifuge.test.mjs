// npm centrifuge: what it does on a quiet day, over each of its transports.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from '../../support/js/server.mjs';
import { TRANSPORTS, connected, stockClient, subscribed, withClients } from '../../support/js/stock.mjs';
import { inSeconds, jwt } from '../../support/js/tokens.mjs';
import { next, until } from '../../support/js/wait.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server?.discard());

/** The code of the error that a promise is rejected with. */
const errorCode = (promise) => promise.then(() => 'no error', (error) => error.code);

for (const transport of TRANSPORTS) {
  const channel = (name) => `chat:${transport}.${name}`;
  const client = (options) => stockClient(server.url, transport, options);
  const user = (name) => ({ token: jwt({ sub: name, exp: inSeconds(300) }) });

  describe(`npm centrifuge over ${transport}`, () => {
    test('connects without a token', () => withClients(async (keep) => {
      const julia = keep(client());
      const event = next(julia, 'connected');
      julia.connect();
      const context = await event;
      assert.equal(context.transport, transport);
      assert.ok(context.client.length > 0);
    }));

    test('connects as the user of a token', () => withClients(async (keep) => {
      const julia = await connected(keep(client(user(`julia.${transport}`))));
      await subscribed(julia, channel('who'));
      const { clients } = await julia.presence(channel('who'));
      assert.deepEqual(Object.values(clients).map((info) => info.user), [`julia.${transport}`]);
      assert.equal((await server.api('GET', `/users/julia.${transport}`)).status, 200);
    }));

    test('is refused for good with a forged token', () => withClients(async (keep) => {
      const mallory = keep(client({ token: jwt({ sub: 'julia', exp: inSeconds(60) }, { key: 'x'.repeat(40) }) }));
      const event = next(mallory, 'disconnected');
      mallory.connect();
      assert.equal((await event).code, 3500);
    }));

    test('delivers what another client publishes, with its publisher', () => withClients(async (keep) => {
      const [julia, romeo] = [keep(client(user('julia'))), keep(client(user('romeo')))];
      await Promise.all([connected(julia), connected(romeo)]);
      const sub = await subscribed(julia, channel('pair'));
      const messages = ['text', 42, null, true, ['list', { deep: [1.5] }], { emoji: '🪐', line: 'a\nb' }];
      const own = await subscribed(romeo, channel('pair'));
      for (const data of messages) await own.publish(data);
      await until('every message arrives', () => sub.seen.length === messages.length);
      assert.deepEqual(sub.seen.map((publication) => publication.data), messages);
      assert.deepEqual(sub.seen.map((publication) => publication.offset), [1, 2, 3, 4, 5, 6]);
      assert.ok(sub.seen.every((publication) => publication.info.user === 'romeo'));
    }));

    test('delivers what the back end publishes', () => withClients(async (keep) => {
      const sub = await subscribed(await connected(keep(client())), `news:${transport}`);
      assert.equal(await server.publish(`news:${transport}`, { headline: 'rain' }), 1);
      await until('the message arrives', () => sub.seen.length === 1);
      assert.deepEqual(sub.seen[0].data, { headline: 'rain' });
      assert.equal(sub.seen[0].info, undefined);
    }));

    test('a message to the user reaches every connection of the user', () => withClients(async (keep) => {
      const name = `to.${transport}`;
      const both = [keep(client(user(name))), keep(client(user(name)))];
      await Promise.all(both.map(connected));
      const arrived = Promise.all(both.map((one) => next(one, 'message')));
      const { status, body } = await server.api('POST', `/users/${name}`, { body: { hello: 'both' } });
      assert.deepEqual([status, body], [200, { messages_sent: 2 }]);
      assert.deepEqual((await arrived).map(({ data }) => data), [{ hello: 'both' }, { hello: 'both' }]);
    }));

    test('answers presence and presence stats', () => withClients(async (keep) => {
      const julia = await connected(keep(client(user('julia'))));
      const again = await connected(keep(client(user('julia'))));
      const romeo = await connected(keep(client(user('romeo'))));
      for (const one of [julia, again, romeo]) await subscribed(one, channel('presence'));
      const { clients } = await julia.presence(channel('presence'));
      assert.deepEqual(Object.values(clients).map((info) => info.user).sort(), ['julia', 'julia', 'romeo']);
      assert.ok(Object.entries(clients).every(([id, info]) => id === info.client));
      assert.deepEqual(await julia.presenceStats(channel('presence')), { numClients: 3, numUsers: 2 });
    }));

    test('answers history: all, limited, from a position, backwards', () => withClients(async (keep) => {
      const julia = await connected(keep(client()));
      const name = channel('history');
      const sub = await subscribed(julia, name);
      for (let number = 1; number <= 5; number += 1) await sub.publish(number);
      const numbers = async (options) => (await julia.history(name, options)).publications.map(({ data }) => data);
      const top = await julia.history(name);
      assert.deepEqual([top.offset, top.publications], [5, []]);
      const { epoch } = top;
      assert.deepEqual(await numbers({ limit: 100 }), [1, 2, 3, 4, 5]);
      assert.deepEqual(await numbers({ limit: 2 }), [1, 2]);
      assert.deepEqual(await numbers({ limit: 2, reverse: true }), [5, 4]);
      assert.deepEqual(await numbers({ limit: 100, since: { offset: 3, epoch } }), [4, 5]);
      assert.deepEqual(await numbers({ limit: 100, since: { offset: 3, epoch }, reverse: true }), [2, 1]);
      const elsewhere = { offset: 3, epoch: 'elsewhere' };
      assert.equal(await errorCode(julia.history(name, { limit: 100, since: elsewhere })), 112);
    }));

    test('tells of others joining and leaving', () => withClients(async (keep) => {
      const julia = await connected(keep(client(user('julia'))));
      const sub = await subscribed(julia, channel('doors'), { joinLeave: true });
      const romeo = keep(client(user('romeo')));
      // A subscriber may be told of itself as well, so the one waited for is named.
      const of = (event) => new Promise((resolve) => {
        sub.on(event, ({ info }) => info.user === 'romeo' && resolve(info));
      });
      const [joined, left] = [of('join'), of('leave')];
      await connected(romeo);
      await subscribed(romeo, channel('doors'));
      const { client: id } = await joined;
      romeo.disconnect();
      assert.equal((await left).client, id);
    }));

    test('is subscribed by its token to the channels that it lists', () => withClients(async (keep) => {
      const name = `private:${transport}`;
      const token = jwt({ sub: 'julia', exp: inSeconds(300), channels: [name] });
      const julia = keep(client({ token }));
      const seen = [];
      julia.on('publication', (publication) => seen.push(publication));
      const event = next(julia, 'subscribed');
      julia.connect();
      assert.equal((await event).channel, name);
      await server.publish(name, 'only for you');
      await until('the message arrives', () => seen.length === 1);
      assert.deepEqual([seen[0].channel, seen[0].data], [name, 'only for you']);
    }));

    test('unsubscribes, and hears no more', () => withClients(async (keep) => {
      const julia = await connected(keep(client()));
      const left = await subscribed(julia, channel('left'));
      const kept = await subscribed(julia, channel('kept'));
      left.unsubscribe();
      await until('the server forgets the subscription', async () => (await server.publish(channel('left'), 1)) === 0);
      await server.publish(channel('kept'), 2);
      await until('the other channel goes on', () => kept.seen.length === 1);
      // One that was on its way while the client let go is dropped by the client.
      assert.ok(left.seen.every(({ data }) => data === 1));
    }));

    test('sends a batch as one frame and gets every answer', () => withClients(async (keep) => {
      const julia = await connected(keep(client()));
      const sub = await subscribed(julia, channel('batch'));
      julia.startBatching();
      const answers = Array.from({ length: 20 }, (_, number) => sub.publish(number));
      julia.stopBatching();
      await Promise.all(answers);
      await until('the batch arrives', () => sub.seen.length === 20);
      assert.deepEqual(sub.seen.map(({ data }) => data), Array.from({ length: 20 }, (_, number) => number));
    }));

    describe('is told what it may not do', () => {
      /** Subscribing ends in `unsubscribed` with the server's code. */
      const refused = async (julia, name) => {
        const sub = julia.newSubscription(name);
        const event = next(sub, 'unsubscribed');
        sub.subscribe();
        return (await event).code;
      };

      test('without a user, a token, a rule or a valid name', () => withClients(async (keep) => {
        const anonymous = await connected(keep(client()));
        assert.equal(await refused(anonymous, 'members:room'), 103);
        assert.equal(await refused(anonymous, 'private:room'), 103);
        assert.equal(await refused(anonymous, 'staff:room'), 103);
        assert.equal(await refused(anonymous, 'elsewhere:room'), 103);
        assert.equal(await refused(anonymous, 'chat:not a name'), 107);
        assert.equal(await errorCode(anonymous.rpc('method', {})), 104);
      }));

      test('with a user', () => withClients(async (keep) => {
        const julia = await connected(keep(client(user('julia'))));
        await subscribed(julia, 'members:room');
        await subscribed(julia, '@julia');
        assert.equal(await refused(julia, 'private:room'), 103);
        assert.equal(await refused(julia, '@romeo'), 103);
        assert.equal(await errorCode(julia.publish('news:room', 'mine')), 103);
      }));

      test('nor read or see in a channel that it may not subscribe to', () => withClients(async (keep) => {
        await server.publish('private:read', 'secret');
        const julia = await connected(keep(client(user('julia'))));
        assert.equal(await errorCode(julia.history('private:read', { limit: 10 })), 103);
        assert.equal(await errorCode(julia.presence('private:read')), 103);
        assert.equal(await errorCode(julia.presenceStats('private:read')), 103);
      }));

      test('but may subscribe with a token for the channel', () => withClients(async (keep) => {
        const julia = await connected(keep(client(user('julia'))));
        const name = `private:sub.${transport}`;
        const token = jwt({ sub: 'julia', channel: name, exp: inSeconds(300) });
        const sub = await subscribed(julia, name, { token });
        await sub.publish('mine');
        await until('the message arrives', () => sub.seen.length === 1);
        assert.equal((await julia.presenceStats(name)).numUsers, 1);
      }));

      test('nor with the token of another user or channel', () => withClients(async (keep) => {
        const julia = await connected(keep(client(user('julia'))));
        for (const claims of [{ sub: 'romeo', channel: 'private:x' }, { sub: 'julia', channel: 'private:y' }]) {
          const token = jwt({ ...claims, exp: inSeconds(300) });
          const sub = julia.newSubscription('private:x', { token });
          const event = next(sub, 'unsubscribed');
          sub.subscribe();
          assert.equal((await event).code, 103);
          julia.removeSubscription(sub);
        }
      }));

      test('where nothing is kept or counted', () => withClients(async (keep) => {
        const julia = await connected(keep(client(user('julia'))));
        await subscribed(julia, 'plain:room');
        assert.equal(await errorCode(julia.history('plain:room', { limit: 1 })), 108);
        assert.equal(await errorCode(julia.presence('plain:room')), 108);
      }));
    });

    test('is closed for good when the back end logs the user out', () => withClients(async (keep) => {
      const name = `out.${transport}`;
      const julia = await connected(keep(client(user(name))));
      const event = next(julia, 'disconnected');
      assert.equal((await server.api('DELETE', `/users/${name}`)).status, 204);
      assert.equal((await event).code, 3503);
      assert.equal((await server.api('GET', `/users/${name}`)).status, 404);
    }));
  });
}
