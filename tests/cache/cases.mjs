// The cases of the public suite, and what their results mean.

import suites from 'http-cache-tests/tests/index.mjs';

/** Every group of cases that is for proxies, as `{ name, cases }`. */
export const groups = suites.map(({ name, tests }) => ({ name, cases: tests.filter((one) => !one.browser_only) }));

/** All of these cases. */
export const cases = groups.flatMap((group) => group.cases);

const byId = new Map(cases.map((one) => [one.id, one]));

/** What a case asks for: `required` by the specification, `optimal` use of the cache, or a `check` of how caches differ. */
export const kindOf = (id) => byId.get(id).kind ?? 'required';

/**
 * What the result of a case means: `pass`; `fail`; `setup`, when the cache did not do something that the case builds on;
 * or `depends`, when another case that this one builds on has not passed.
 */
export function verdict(results, id) {
  const builtOn = (byId.get(id).depends_on ?? []).filter((other) => byId.has(other));
  if (builtOn.some((other) => verdict(results, other) !== 'pass')) return 'depends';
  const result = results[id];
  if (result === true) return 'pass';
  return result?.[0] === 'Setup' ? 'setup' : 'fail';
}
