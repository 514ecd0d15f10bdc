// The example `client_probe` of the WebSocket crate, which drives Planet's own client against a server of the test's.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { LIMIT_MS } from './wait.mjs';

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..');

/** Beside the planet that is tested. */
function program() {
  const planet = process.env.TESTED_PLANET
    ?? join(process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, 'target'), 'release/planet');
  const path = join(dirname(planet), 'examples/client_probe');
  if (!existsSync(path)) {
    throw new Error(`${path} is missing: cargo build --release -p planet-websocket --example client_probe`);
  }
  return path;
}

/** Round trips with an echo server: the lines of the report. Fails with `stderr` if anything came back otherwise. */
export async function echo(url, ...options) {
  const { stdout } = await promisify(execFile)(program(), ['echo', url, ...options], { timeout: 4 * LIMIT_MS });
  return stdout.trim().split('\n');
}

/** What the report says of the messages when all came back. */
export const ECHOED = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_048_576, 'fragments'].map((size) => `echoed ${size}`);
