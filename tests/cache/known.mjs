// The cases that our cache does not pass, each with the reason. A case that is not here has to pass; one that is here and
// passes has to go.

const disconnects =
  'The origin cuts the connection, so the answer is a `502` of our own. The case wants a field of the origin in it, which ' +
  'no proxy whose results the suite publishes has either.';
const partial = 'A `206` is not stored: only whole answers are, and ranges are served from these.';

/** Cases that the specification requires, as the suite reads it. */
export const required = {
  'age-parse-prefix':
    '`Age: 0,7200` is not one number, and such an answer counts as stale: the same rule that lets the eleven other cases ' +
    'of broken `Age` fields pass.',
  'stale-close-must-revalidate': disconnects,
  'stale-close-no-cache': disconnects,
  'stale-close-proxy-revalidate': disconnects,
  'stale-close-s-maxage=2': disconnects,
};

/** Cases where a cache could do more. */
export const optimal = {
  'conditional-lm-fresh-no-lm':
    'The stored answer has no `Last-Modified`, and its `Date` is later than the date asked about, so it is sent (RFC 9110 ' +
    'section 13.1.3).',
  'method-POST': 'Answers to POST are not stored.',
  'partial-store-partial-complete': partial,
  'partial-store-partial-reuse-partial': partial,
  'partial-store-partial-reuse-partial-absent': partial,
  'partial-store-partial-reuse-partial-byterange': partial,
  'partial-store-partial-reuse-partial-suffix': partial,
  'vary-normalise-lang-order': 'Many servers read the order of `Accept-Language` as a preference, so it counts.',
  'vary-normalise-lang-select': 'Which language fits is left to the server.',
};
