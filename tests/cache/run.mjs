// Runs the public test suite against the caching proxy, and prints its results as one line of JSON.
//
//     TESTED_PROXY=target/release/examples/caching_proxy node run.mjs [ID...]
//
// Without ids it runs all cases.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import fetch from 'node-fetch';

// The suite's origin writes what it thinks of requests to where the results are to go.
console.log = console.error;

const origin = await startOrigin();
const proxy = await startProxy(origin.address().port);
try {
  const results = await runCases(proxy.url, process.argv.slice(2));
  process.stdout.write(`${JSON.stringify(results)}\n`);
} finally {
  proxy.child.kill();
  origin.closeAllConnections();
  origin.close();
}

/** The suite's own origin server, on loopback alone. */
async function startOrigin() {
  const handlers = {};
  for (const name of ['config', 'state', 'test']) {
    handlers[name] = (await import(`http-cache-tests/server/handle-${name}.mjs`)).default;
  }
  const server = createServer((request, response) => {
    const [kind, ...segments] = new URL(request.url, 'http://origin').pathname.split('/').slice(1);
    const handle = handlers[kind];
    if (handle) {
      handle(segments, request, response);
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function startProxy(port) {
  const program = process.env.TESTED_PROXY;
  if (!program) throw new Error('TESTED_PROXY names no program');
  const child = spawn(program, ['127.0.0.1:0', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [url] = await once(createInterface({ input: child.stdout }), 'line');
  return { child, url };
}

async function runCases(base, ids) {
  const { runTests, getResults } = await import('http-cache-tests/client/runner.mjs');
  const { cases } = await import('./cases.mjs');
  const chosen = cases.filter((one) => ids.length === 0 || ids.includes(one.id));
  // Each id can be run only once in a process, which is why this is a program of its own.
  await runTests([{ name: 'chosen', id: 'chosen', tests: chosen }], fetch, false, base, 50);
  return getResults();
}
