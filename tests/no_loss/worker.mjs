// A process with a share of the subscribers, so that they use more than one core. Driven by messages of its parent.

import { open } from './clients.mjs';

let subscribers = [];

const commands = {
  async open({ transports, url }) {
    subscribers = transports.map((transport) => open(transport, url));
    await Promise.all(subscribers.map(({ ready }) => ready));
  },
  async report() {
    return subscribers.map(({ ledger }) => ledger.report());
  },
  async close() {
    for (const subscriber of subscribers) subscriber.close();
    setImmediate(() => process.exit(0));
  },
};

process.on('message', async ({ id, command, ...options }) => {
  process.send({ id, result: await commands[command](options) });
});
process.on('disconnect', () => process.exit(1));
