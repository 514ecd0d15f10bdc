// One subscriber for each way of listening. Each writes what it sees into a ledger and comes back when it is cut off.

import { EventSource } from 'eventsource';

import { connect } from '../../clients/js/dist/client.mjs';
import { stockClient } from '../support/js/stock.mjs';
import { Ledger } from './ledger.mjs';

export const CHANNEL = 'no-loss';

/** How many of each kind there are in twenty subscribers. */
export const MIX = { websocket: 7, http_stream: 4, sse: 3, long_poll: 4, event_source: 2 };

const OPEN = { websocket: stock, http_stream: stock, sse: stock, long_poll: longPoll, event_source: eventSource };

/** Opens a subscriber; `ready` is kept once it is subscribed. */
export function open(transport, url) {
  const ledger = new Ledger(transport);
  return { ledger, ...OPEN[transport](url, ledger) };
}

/** npm centrifuge. */
function stock(url, ledger) {
  const client = stockClient(url, ledger.transport, { maxReconnectDelay: 1000, timeout: 30_000 });
  const sub = client.newSubscription(CHANNEL, { minResubscribeDelay: 50, maxResubscribeDelay: 1000 });
  sub.on('publication', ({ offset, data }) => ledger.message(offset, data.number));
  const ready = new Promise((resolve) => {
    sub.on('subscribed', ({ wasRecovering, recovered }) => {
      if (wasRecovering) ledger.resumed();
      if (wasRecovering && !recovered) ledger.gap();
      resolve();
    });
  });
  for (const end of ['unsubscribed', 'disconnected']) {
    const emitter = end === 'disconnected' ? client : sub;
    emitter.on(end, ({ code, reason }) => code !== 0 && ledger.problems.push(`${end} for good: ${code} ${reason}`));
  }
  client.on('message', ({ data }) => data?.gap && ledger.gap());
  sub.subscribe();
  client.connect();
  return { ready, close: () => client.disconnect() };
}

/** Planet's own browser client, held to long polling. */
function longPoll(url, ledger) {
  const planet = connect({
    url, transports: ['long_poll'], remember: false, backoff: { base: 50, max: 1000 }, timeout: 30_000,
    transportTimeout: 30_000,
  });
  let subscriptions = 0;
  const ready = new Promise((resolve) => {
    planet.subscribe(CHANNEL, {
      onMessage: ({ offset, data }) => ledger.message(offset, data.number),
      onGap: () => ledger.gap(),
      onState: ({ state }) => {
        if (state === 'unsubscribed') ledger.problems.push('unsubscribed for good');
        if (state !== 'subscribed') return;
        subscriptions += 1;
        if (subscriptions > 1) ledger.resumed();
        resolve();
      },
    });
  });
  return { ready, close: () => planet.close() };
}

/** npm eventsource on the plain event stream. */
function eventSource(url, ledger) {
  const source = new EventSource(`${url}/sse?channel=${CHANNEL}`);
  let opened = 0;
  const ready = new Promise((resolve) => {
    source.addEventListener('open', () => {
      opened += 1;
      if (opened > 1) ledger.resumed();
      resolve();
    });
  });
  source.addEventListener('gap', () => ledger.gap());
  source.addEventListener('error', ({ code }) => {
    if (source.readyState === EventSource.CLOSED) ledger.problems.push(`the event stream was ended for good: ${code}`);
  });
  source.addEventListener('message', ({ data, lastEventId }) => {
    const [, offset] = lastEventId.split(':');
    ledger.message(Number(offset), JSON.parse(data).number);
  });
  return { ready, close: () => source.close() };
}
