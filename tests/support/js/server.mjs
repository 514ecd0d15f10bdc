// A `planet serve` that a test starts on a free port, with a data folder of its own, and ends by its process id.

import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SUPPORT = join(dirname(fileURLToPath(import.meta.url)), '..');
const REPOSITORY = join(SUPPORT, '../..');
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 20_000;

export const API_KEY = 'interop_app';
export const SECRET_KEY = 'interop_secret_key';
export const SIGN_KEY = 'interop_sign_key_1';
export const HS256_SECRET = 'interop_hs256_secret_of_32_or_more';

/** The request header with which a back end makes a publication safe to repeat. */
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';

/** The release build that the test command makes, or the one that TESTED_PLANET names. */
function binary() {
  const target = process.env.CARGO_TARGET_DIR ?? join(REPOSITORY, 'target');
  const path = process.env.TESTED_PLANET ?? join(target, 'release/planet');
  if (!existsSync(path)) throw new Error(`${path} is missing: run cargo build --release, or set TESTED_PLANET`);
  return path;
}

/** A folder with the configuration, the keys that it names, and the server's data. Survives a restart of the server. */
export class Home {
  constructor(config = join(SUPPORT, 'planet.toml')) {
    this.folder = mkdtempSync(join(tmpdir(), 'planet-test-'));
    this.config = join(this.folder, 'planet.toml');
    copyFileSync(config, this.config);
    this.rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    for (const [name, pair] of [['rs256', this.rsa], ['es256', this.ec]]) {
      writeFileSync(join(this.folder, `${name}.pem`), pair.publicKey.export({ type: 'spki', format: 'pem' }));
    }
  }

  remove() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Server {
  /** Starts a server and waits until it says where it listens. With `port`, on that one. */
  static async start({ home = new Home(), port = 0, args = [] } = {}) {
    const server = new Server();
    server.home = home;
    server.output = '';
    server.process = spawn(
      binary(),
      ['serve', '--config', home.config, '--data', join(home.folder, 'data'), '--listen', `127.0.0.1:${port}`,
        '--events', '127.0.0.1:0', '--thrift', '127.0.0.1:0', ...args],
      { cwd: home.folder, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    server.ended = new Promise((resolve) => {
      server.process.once('exit', (code, signal) => resolve({ code, signal }));
      server.process.once('error', (error) => resolve({ code: null, signal: null, error }));
    });
    process.once('exit', () => server.process.kill('SIGKILL'));
    server.url = await server.#address();
    server.port = Number(new URL(server.url).port);
    return server;
  }

  #address() {
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${why}; its output was:\n${this.output}`));
      const timer = setTimeout(() => fail('the server did not say where it listens'), START_LIMIT_MS);
      this.ended.then(() => {
        clearTimeout(timer);
        fail('the server ended at once');
      });
      const read = (chunk) => {
        this.output += chunk;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(this.output);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[0]);
      };
      this.process.stdout.on('data', read);
      this.process.stderr.on('data', read);
    });
  }

  /** Ends the server gracefully; the answer is its exit code, or the signal that it died of. */
  async stop() {
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), STOP_LIMIT_MS);
    const { code, signal } = await this.ended;
    clearTimeout(timer);
    return code ?? signal;
  }

  /** Ends the server, whatever state it is in, and removes what it wrote. */
  async discard() {
    this.process.kill('SIGKILL');
    await this.ended;
    this.home.remove();
  }

  /** A REST request, with the secret key; the answer is `{status, body}`. */
  async api(method, path, { body, headers = {} } = {}) {
    const response = await fetch(`${this.url}/1.0.0/${API_KEY}${path}`, {
      method,
      headers: { 'X-Beacon-Secret-Key': SECRET_KEY, 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  /** Publishes through REST; the answer is how many connections it was sent to. */
  async publish(channel, data) {
    const { status, body } = await this.api('POST', `/channels/${encodeURIComponent(channel)}`, { body: data });
    if (status !== 200) throw new Error(`publishing was answered with ${status} ${JSON.stringify(body)}`);
    return body.messages_sent;
  }
}
