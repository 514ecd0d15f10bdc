/** Attempts after which the ceiling stops growing, whatever the bounds; keeps 2^n finite. */
const LARGEST_EXPONENT = 30;

/**
 * Full jitter: a random time between 0 and min(max, base × 2^attempt) milliseconds.
 * Spreads the clients of a restarted server better than jitter around a mean.
 */
export function fullJitter(attempt: number, base: number, max: number, random: () => number): number {
  const ceiling = Math.min(max, base * 2 ** Math.min(attempt, LARGEST_EXPONENT));
  return Math.floor(random() * ceiling);
}

/**
 * When to renew a token that lives `ttl` more seconds, in milliseconds: a fifth of its life
 * before the end, but no more than 30 s, so that a slow back end has time to answer.
 */
export function refreshDelay(ttl: number): number {
  const early = Math.min(30, ttl * 0.2);
  // Timers overflow above 2^31 - 1 ms and would fire at once.
  return Math.min((ttl - early) * 1000, 2 ** 31 - 1);
}
