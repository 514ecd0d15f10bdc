import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cases, kindOf } from './cases.mjs';
import { optimal, required } from './known.mjs';
import { failing, results } from './suite.mjs';

test('the public suite passes but for the cases that are explained', async () => {
  const found = await results();
  assert.deepEqual(Object.keys(found).sort(), cases.map((one) => one.id).sort(), 'every case was run');

  const failed = failing(found);
  const of = (kind) => failed.filter((id) => kindOf(id) === kind);
  const messages = Object.fromEntries(failed.map((id) => [id, found[id]]));
  assert.deepEqual(of('required'), Object.keys(required).sort(), JSON.stringify(messages, null, 2));
  assert.deepEqual(of('optimal'), Object.keys(optimal).sort(), JSON.stringify(messages, null, 2));
});
