// The npm package centrifuge, as a page would use it, over each of its transports.

import { Centrifuge } from 'centrifuge';
import { EventSource } from 'eventsource';
import WebSocket from 'ws';

import { next } from './wait.mjs';

export const TRANSPORTS = ['websocket', 'http_stream', 'sse'];

/** A client that only knows this transport, towards a server or a proxy before it. */
export function stockClient(url, transport, options = {}) {
  const scheme = transport === 'websocket' ? url.replace('http', 'ws') : url;
  return new Centrifuge([{ transport, endpoint: `${scheme}/connection/${transport}` }], {
    websocket: WebSocket,
    eventsource: EventSource,
    emulationEndpoint: `${url}/emulation`,
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
    ...options,
  });
}

/** Connects a client and waits for it. */
export async function connected(client) {
  const event = next(client, 'connected');
  client.connect();
  await event;
  return client;
}

/** Subscribes to a channel and waits for it; what is published there is collected in `sub.seen`. */
export async function subscribed(client, channel, options = {}) {
  const sub = client.newSubscription(channel, { minResubscribeDelay: 20, maxResubscribeDelay: 200, ...options });
  sub.seen = [];
  sub.on('publication', (publication) => sub.seen.push(publication));
  const event = next(sub, 'subscribed');
  sub.subscribe();
  sub.context = await event;
  return sub;
}

/** Runs `body` with what `make` gives, and `end`s it whatever happens. */
export async function withClients(body) {
  const clients = [];
  const keep = (client) => (clients.push(client), client);
  try {
    await body(keep);
  } finally {
    for (const client of clients) client.disconnect();
  }
}
