// Reads a channel's whole history, page by page.

import { connected, stockClient, subscribed } from '../support/js/stock.mjs';

const PAGE = 1000;

/** Everything that was published in a channel, oldest first. */
export async function history(url, channel) {
  const client = await connected(stockClient(url, 'websocket', { timeout: 30_000 }));
  try {
    await subscribed(client, channel);
    const all = [];
    let since;
    for (;;) {
      const { publications, epoch } = await client.history(channel, { limit: PAGE, since });
      if (publications.length === 0) return all;
      all.push(...publications.map(({ data }) => data));
      since = { offset: publications.at(-1).offset, epoch };
    }
  } finally {
    client.disconnect();
  }
}
