// Nothing is lost silently: many subscribers on mixed transports, a steady publisher, connections cut at random; and
// the same with the server restarted twice meanwhile. Every subscriber gets every message once and in order, or is
// told that some are missing.
//
//     node no_loss/main.mjs [--clients 200] [--rate 500] [--seconds 60] [--variant cuts|restarts]

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { Proxy } from '../support/js/proxy.mjs';
import { Home, Server } from '../support/js/server.mjs';
import { sleep, until } from '../support/js/wait.mjs';
import { CHANNEL } from './clients.mjs';
import { Crowd } from './crowd.mjs';
import { history } from './history.mjs';
import { judge } from './judge.mjs';
import { Publisher } from './publisher.mjs';

const CONFIG = fileURLToPath(new URL('./planet.toml', import.meta.url));
const CUT_EVERY_MS = 500;
/** Of all connections, so many are cut each time. */
const CUT_SHARE = 0.02;
const CATCH_UP_MS = 90_000;
/** Long enough for the publisher to see that a connection was cut. */
const SETTLE_MS = 2000;

const { values: options } = parseArgs({
  options: {
    clients: { type: 'string', default: '200' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '60' },
    variant: { type: 'string', multiple: true, default: ['cuts', 'restarts'] },
  },
});
const [clients, rate, seconds] = [options.clients, options.rate, options.seconds].map(Number);

/** Runs one variant; the answer is the list of what is wrong. */
async function run({ restarts }) {
  const home = new Home(CONFIG);
  const stage = { server: await Server.start({ home }), cuts: 0, over: false, restarting: false };
  const { port } = stage.server;
  const [subscribersProxy, publisherProxy] = [await Proxy.start(port), await Proxy.start(port)];
  let crowd;
  try {
    crowd = await Crowd.open({ count: clients, url: subscribersProxy.url });
    const publisher = new Publisher({ port: publisherProxy.port, channel: CHANNEL, rate, seconds });
    await Promise.all([
      publisher.run().finally(() => (stage.over = true)),
      cutAtRandom(stage, subscribersProxy, publisherProxy),
      restart(stage, restarts, home, port, publisher),
    ]);
    const reports = await caughtUp(crowd, publisher.total);
    console.log(
      `${publisher.total} messages in ${(publisher.tookMs / 1000).toFixed(1)} s with ${publisher.retries} retries, `
        + `${stage.cuts} connections cut, ${restarts} restarts`,
    );
    const problems = judge(reports, publisher.total, await history(stage.server.url, CHANNEL));
    await crowd.close();
    if (/panicked/.test(stage.server.output)) problems.push('the server panicked');
    return problems;
  } finally {
    crowd?.kill();
    await Promise.all([subscribersProxy.stop(), publisherProxy.stop()]);
    await stage.server.discard();
  }
}

async function cutAtRandom(stage, subscribers, publisher) {
  while (!stage.over) {
    await sleep(CUT_EVERY_MS);
    stage.cuts += subscribers.cut(CUT_SHARE);
    // A restarted server has forgotten the idempotency keys, so no answer may get lost just before.
    if (!stage.restarting) stage.cuts += publisher.cut(CUT_SHARE);
  }
}

async function restart(stage, times, home, port, publisher) {
  for (let time = 1; time <= times; time += 1) {
    await sleep((seconds * 1000) / (times + 1) - SETTLE_MS);
    stage.restarting = true;
    await sleep(SETTLE_MS);
    await until('no publication in doubt', () => publisher.inDoubt === 0, CATCH_UP_MS);
    const ended = await stage.server.stop();
    if (ended !== 0) throw new Error(`the server ended with ${ended}; its output was:\n${stage.server.output}`);
    stage.server = await Server.start({ home, port });
    stage.restarting = false;
  }
}

/** Waits until every subscriber is at the end, or has had its time. */
async function caughtUp(crowd, total) {
  const deadline = Date.now() + CATCH_UP_MS;
  for (;;) {
    const reports = await crowd.reports();
    if (reports.every(({ last }) => last === total) || Date.now() > deadline) return reports;
    await sleep(500);
  }
}

let failed = 0;
for (const variant of options.variant) {
  console.log(`\n${variant}: ${clients} subscribers, ${rate} messages a second for ${seconds} s`);
  const problems = await run({ restarts: variant === 'restarts' ? 2 : 0 }).catch((error) => [error.stack]);
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
  if (problems.length > 20) console.log(`  and ${problems.length - 20} more`);
  if (problems.length > 0) failed += 1;
}
console.log(`\n${options.variant.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
