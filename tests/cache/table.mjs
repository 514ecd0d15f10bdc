// Prints what passes, as docs/cache-tests.md has it:
//
//     TESTED_PROXY=target/release/examples/caching_proxy node tests/cache/table.mjs > docs/cache-tests.md

import { readFileSync } from 'node:fs';
import { groups, kindOf, verdict } from './cases.mjs';
import { optimal, required } from './known.mjs';
import { results } from './suite.mjs';

const found = await results();
const lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url)));
const { version } = lock.packages['node_modules/http-cache-tests'];

const share = (group, kind) => {
  const of = group.filter((one) => kindOf(one.id) === kind);
  const passed = of.filter((one) => verdict(found, one.id) === 'pass');
  return of.length === 0 ? '' : `${passed.length} of ${of.length}`;
};
const row = (name, group) => `| ${name} | ${share(group, 'required')} | ${share(group, 'optimal')} | ${share(group, 'check')} |`;
const reasons = (known) => Object.entries(known).map(([id, reason]) => `| \`${id}\` | ${reason} |`);

const lines = [
  '# The cache and the public test suite',
  '',
  `[http-tests/cache-tests](https://github.com/http-tests/cache-tests), version ${version} from npm, run against`,
  '`crates/web/examples/caching_proxy.rs`: the cache with its default settings, but for `stale_if_error`, which is 60 s so',
  'that the cases about stale answers are of use. Written by `tests/cache/table.mjs`.',
  '',
  'The suite has three kinds of cases: what the specification requires; where an optimal cache uses a stored answer; and',
  'checks of how caches differ, in which no answer is the right one.',
  '',
  '| group | required | optimal | checks answered with yes |',
  '| --- | --- | --- | --- |',
  ...groups.map((group) => row(group.name, group.cases)),
  row('**all**', groups.flatMap((group) => group.cases)),
  '',
  '## Required cases that do not pass',
  '',
  '| case | why |',
  '| --- | --- |',
  ...reasons(required),
  '',
  '## Optimal cases that do not pass',
  '',
  '| case | why |',
  '| --- | --- |',
  ...reasons(optimal),
  '',
  '`cargo xtask test --only cache` fails when other cases fail than these, or fewer.',
];
console.log(lines.join('\n'));
