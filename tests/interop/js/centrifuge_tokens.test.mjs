// npm centrifuge and tokens that end: refreshed in time, refused when too late.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Server } from '../../support/js/server.mjs';
import { TRANSPORTS, connected, stockClient, subscribed, withClients } from '../../support/js/stock.mjs';
import { beaconToken, inSeconds, jwt } from '../../support/js/tokens.mjs';
import { next, until } from '../../support/js/wait.mjs';

let server;
before(async () => (server = await Server.start()));
after(() => server?.discard());

for (const transport of TRANSPORTS) {
  const client = (options) => stockClient(server.url, transport, options);

  describe(`npm centrifuge over ${transport}`, () => {
    test('brings a new token before the old one ends and stays connected', () => withClients(async (keep) => {
      const firstEnds = inSeconds(3);
      let asked = 0;
      const getToken = async () => {
        asked += 1;
        return jwt({ sub: 'julia', exp: asked === 1 ? firstEnds : inSeconds(300) });
      };
      const julia = keep(client({ getToken }));
      let lost = 0;
      const name = `chat:refresh.${transport}`;
      const sub = await subscribed(await connected(julia), name);
      julia.on('connecting', () => (lost += 1));
      await until('a new token is asked for', () => asked === 2);
      await until('the first token has ended', () => inSeconds(0) > firstEnds);
      await server.publish(name, 'still here');
      await until('the message arrives', () => sub.seen.length === 1);
      assert.deepEqual([asked, lost, julia.state], [2, 0, 'connected']);
    }));

    test('asks for another token when the one it has is too old', () => withClients(async (keep) => {
      let asked = 0;
      const julia = keep(client({
        token: jwt({ sub: 'julia', exp: inSeconds(-60) }),
        getToken: async () => {
          asked += 1;
          return jwt({ sub: 'julia', exp: inSeconds(300) });
        },
      }));
      await connected(julia);
      assert.equal(asked, 1);
    }));

    test('is cut off when no new token comes', () => withClients(async (keep) => {
      const julia = keep(client({ token: jwt({ sub: 'julia', exp: inSeconds(1) }) }));
      await connected(julia);
      const { code } = await next(julia, 'disconnected', 60_000);
      // 1 is the client's own code for "unauthorized": it has no way of getting another token.
      assert.ok([1, 3005].includes(code), `code ${code}`);
    }));

    test('brings a new subscription token before the old one ends', () => withClients(async (keep) => {
      const name = `private:refresh.${transport}`;
      const julia = await connected(keep(client({ token: jwt({ sub: 'julia', exp: inSeconds(300) }) })));
      let asked = 0;
      const getToken = async () => {
        asked += 1;
        return jwt({ sub: 'julia', channel: name, exp: inSeconds(asked === 1 ? 3 : 300) });
      };
      const sub = await subscribed(julia, name, { getToken });
      let lost = 0;
      sub.on('subscribing', () => (lost += 1));
      await until('a new token is asked for', () => asked === 2);
      await server.publish(name, 'still here');
      await until('the message arrives', () => sub.seen.length === 1);
      assert.deepEqual([asked, lost, sub.state], [2, 0, 'subscribed']);
    }));

    test('is known by RS256, ES256 and Beacon tokens', () => withClients(async (keep) => {
      const claims = (sub) => ({ sub, exp: inSeconds(300) });
      const { rsa, ec } = server.home;
      const tokens = {
        rs256: { token: jwt(claims('rs256'), { alg: 'RS256', key: rsa.privateKey }) },
        es256: { token: jwt(claims('es256'), { alg: 'ES256', key: ec.privateKey }) },
        beacon: { token: beaconToken('beacon'), data: { user: 'beacon' } },
      };
      for (const [name, options] of Object.entries(tokens)) {
        await connected(keep(client(options)));
        assert.equal((await server.api('GET', `/users/${name}`)).status, 200, name);
      }
    }));

    test('may not claim a user without a token, or with that of another', () => withClients(async (keep) => {
      for (const [token, expected] of [['', 101], [beaconToken('romeo'), 3500]]) {
        const mallory = keep(client({ token, data: { user: 'julia' } }));
        const event = next(mallory, 'disconnected');
        mallory.connect();
        assert.equal((await event).code, expected);
      }
    }));
  });
}
