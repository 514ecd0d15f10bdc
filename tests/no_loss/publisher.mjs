// Publishes numbered messages over REST at a steady rate, and each again under its idempotency key until it is answered.

import { Agent, request } from 'node:http';

import { API_KEY, IDEMPOTENCY_HEADER, SECRET_KEY } from '../support/js/server.mjs';
import { sleep } from '../support/js/wait.mjs';

/** Far more than a server on a busy machine needs, since what is answered too late was published all the same. */
const PATIENCE_MS = 60_000;
const RETRY_MS = 50;
/** No more wait for an answer at once, or else a repeat would wait behind all that a slow machine is late with. */
const MOST_RUNNING = 64;

export class Publisher {
  constructor({ port, channel, rate, seconds }) {
    this.agent = new Agent({ keepAlive: true, maxSockets: 8 });
    this.port = port;
    this.path = `/1.0.0/${API_KEY}/channels/${channel}`;
    this.rate = rate;
    this.total = rate * seconds;
    this.retries = 0;
    /** How many were sent without an answer, so that only the server can tell whether they are published. */
    this.inDoubt = 0;
  }

  /** Publishes them all; the end is when each has been answered with 200. */
  async run() {
    const started = Date.now();
    const running = new Set();
    for (let number = 0; number < this.total; number += 1) {
      const due = started + (number / this.rate) * 1000;
      if (due > Date.now()) await sleep(due - Date.now());
      if (running.size >= MOST_RUNNING) await Promise.race(running);
      const published = this.#publish(number).finally(() => running.delete(published));
      running.add(published);
    }
    await Promise.all(running);
    this.agent.destroy();
    this.tookMs = Date.now() - started;
  }

  async #publish(number) {
    let status = await this.#post(number).catch(() => null);
    if (status === 200) return;
    this.inDoubt += 1;
    while (status !== 200) {
      if (status !== null && status < 500) throw new Error(`message ${number} was answered with ${status}`);
      this.retries += 1;
      await sleep(RETRY_MS);
      status = await this.#post(number).catch(() => null);
    }
    this.inDoubt -= 1;
  }

  #post(number) {
    return new Promise((resolve, reject) => {
      const body = JSON.stringify({ number, text: 'a message of some length, as in a chat' });
      const outgoing = request({
        host: '127.0.0.1', port: this.port, path: this.path, method: 'POST', agent: this.agent, timeout: PATIENCE_MS,
        headers: {
          'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body),
          'X-Beacon-Secret-Key': SECRET_KEY, [IDEMPOTENCY_HEADER]: String(number),
        },
      }, (response) => {
        response.on('error', reject);
        response.on('end', () => resolve(response.statusCode));
        response.resume();
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
}
