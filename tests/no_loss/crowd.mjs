// All subscribers, spread over worker processes.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { MIX } from './clients.mjs';

const WORKER = fileURLToPath(new URL('./worker.mjs', import.meta.url));

export class Crowd {
  /** Starts `count` subscribers and waits until each is subscribed. */
  static async open({ count, url, processes = 2 }) {
    const crowd = new Crowd();
    const pattern = Object.entries(MIX).flatMap(([transport, share]) => Array(share).fill(transport));
    const transports = Array.from({ length: count }, (_, index) => pattern[index % pattern.length]);
    crowd.workers = Array.from({ length: processes }, () => new Worker());
    await Promise.all(crowd.workers.map((worker, index) => worker.ask('open', {
      url,
      transports: transports.filter((_, position) => position % processes === index),
    })));
    return crowd;
  }

  /** The ledger of every subscriber. */
  async reports() {
    return (await Promise.all(this.workers.map((worker) => worker.ask('report')))).flat();
  }

  async close() {
    await Promise.all(this.workers.map((worker) => worker.ask('close')));
  }

  /** Ends the workers, whatever state they are in. */
  kill() {
    for (const worker of this.workers) worker.process.kill('SIGKILL');
  }
}

class Worker {
  constructor() {
    this.process = fork(WORKER);
    this.waiting = new Map();
    this.lastId = 0;
    this.process.on('message', ({ id, result }) => {
      this.waiting.get(id).resolve(result);
      this.waiting.delete(id);
    });
    this.process.on('exit', (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`a worker ended with ${code}`));
    });
  }

  ask(command, options = {}) {
    this.lastId += 1;
    const id = this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.process.send({ id, command, ...options });
    });
  }
}
