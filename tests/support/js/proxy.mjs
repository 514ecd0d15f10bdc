// A TCP proxy between a client and the server, whose connections a test cuts as a bad network would.

import { connect, createServer } from 'node:net';
import { once } from 'node:events';

export class Proxy {
  /** Listens on a free port and passes everything on to `port`. */
  static async start(port) {
    const proxy = new Proxy();
    proxy.pairs = new Set();
    proxy.accepting = true;
    proxy.server = createServer((client) => proxy.#join(client, port));
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  #join(client, port) {
    if (!this.accepting) {
      client.resetAndDestroy();
      return;
    }
    const server = connect(port, '127.0.0.1');
    const pair = { client, server };
    this.pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.pipe(server);
    server.pipe(client);
    for (const socket of [client, server]) {
      // A connection that one side resets ends for the other one as well.
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        this.pairs.delete(pair);
      });
    }
  }

  /** Cuts all connections without a word, or a random part of them; the answer is how many. */
  cut(share = 1) {
    const chosen = [...this.pairs].filter(() => Math.random() < share);
    for (const { client, server } of chosen) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    return chosen.length;
  }

  /** Cuts everything and lets nothing new through, until `restore`. */
  block() {
    this.accepting = false;
    return this.cut();
  }

  restore() {
    this.accepting = true;
  }

  async stop() {
    this.block();
    this.server.close();
    await once(this.server, 'close');
  }
}
