import { Client } from "../../src/client";
import type { ConnectOptions, StateChange } from "../../src/types";
import { FakeEnvironment, settle } from "./environment";

export const URL_OF_SERVER = "http://planet.test";

/** A client in a fake world, on its way to its first connection. */
export async function start(options: ConnectOptions = {}, environment = new FakeEnvironment()) {
  const client = new Client({ url: URL_OF_SERVER, ...options }, environment);
  const states: StateChange[] = [];
  client.on("state", (change) => states.push(change));
  client.reconnect();
  await settle();
  return { client, environment, states };
}

/** The same, connected over the first transport. */
export async function startConnected(options: ConnectOptions = {}, result: object = {}) {
  const started = await start(options);
  await started.environment.transport.accept(result);
  return started;
}
