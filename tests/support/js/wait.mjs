// Waiting for what happens elsewhere, with an error that says what did not.

const POLL_MS = 10;

/** How long a test waits for something that should come at once. Generous: it only shows when a test fails. */
export const LIMIT_MS = 15_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `probe` answers something truthy, which is the answer. */
export async function until(what, probe, limitMs = LIMIT_MS) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await sleep(POLL_MS);
  }
}

/** The next event of that name. */
export function next(emitter, event, limitMs = LIMIT_MS) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no "${event}" event within ${limitMs} ms`)), limitMs);
    emitter.once(event, (value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
