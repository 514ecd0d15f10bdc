// What one client saw of a channel, held against what it had to see.

import { createHash } from 'node:crypto';

export class Ledger {
  constructor(transport) {
    this.transport = transport;
    this.last = 0;
    this.seen = 0;
    this.gaps = 0;
    this.told = 0;
    this.resumes = 0;
    this.problems = [];
    this.gapOpen = false;
    this.numbers = createHash('sha256');
  }

  /** A message arrived: the next one in order, or the first one behind a gap that the client was told of. */
  message(offset, number) {
    if (offset <= this.last) {
      this.#problem(`offset ${offset} came after ${this.last}`);
      return;
    }
    const missing = offset - this.last - 1;
    if (missing > 0 && this.gapOpen) this.told += missing;
    else if (missing > 0) this.#problem(`offset ${offset} came after ${this.last} without a word`);
    this.gapOpen = false;
    this.last = offset;
    this.seen += 1;
    this.numbers.update(`${number},`);
  }

  /** The client was told that messages are missing before the next one. */
  gap() {
    this.gaps += 1;
    this.gapOpen = true;
  }

  resumed() {
    this.resumes += 1;
  }

  #problem(text) {
    // The first few tell what is going on.
    if (this.problems.length < 5) this.problems.push(text);
  }

  /** What the judge needs to know, as plain values. */
  report() {
    const { transport, last, seen, gaps, told, resumes, problems } = this;
    const digest = this.numbers.copy().digest('hex');
    return { transport, last, seen, gaps, told, resumes, problems, digest };
  }
}
