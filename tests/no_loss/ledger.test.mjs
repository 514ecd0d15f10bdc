// The ledger has to see what goes wrong, or the no-loss test would prove nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Ledger } from './ledger.mjs';

/** A ledger after these offsets; 'gap' stands for being told of one. */
function after(...events) {
  const ledger = new Ledger('websocket');
  for (const event of events) {
    if (event === 'gap') ledger.gap();
    else ledger.message(event, event * 10);
  }
  return ledger.report();
}

test('is content with every message once and in order', () => {
  const { seen, last, told, problems } = after(1, 2, 3);
  assert.deepEqual({ seen, last, told, problems }, { seen: 3, last: 3, told: 0, problems: [] });
});

test('sees silent loss, repeats and disorder', () => {
  assert.deepEqual(after(1, 3).problems, ['offset 3 came after 1 without a word']);
  assert.deepEqual(after(1, 2, 2).problems, ['offset 2 came after 2']);
  assert.deepEqual(after(2).problems, ['offset 2 came after 0 without a word']);
  assert.deepEqual(after(1, 2, 3, 2).problems, ['offset 2 came after 3']);
});

test('counts what it was told is missing, once', () => {
  const { seen, told, gaps, problems } = after(1, 'gap', 5, 6);
  assert.deepEqual({ seen, told, gaps, problems }, { seen: 3, told: 3, gaps: 1, problems: [] });
  assert.deepEqual(after(1, 'gap', 5, 7).problems, ['offset 7 came after 5 without a word']);
});

test('tells different messages under the same offsets apart', () => {
  const other = new Ledger('websocket');
  other.message(1, 11);
  assert.notEqual(other.report().digest, after(1).digest);
  assert.equal(after(1).digest, after(1).digest);
});
