import { Client } from "./client";
import { browserEnvironment } from "./environment";
import type { ConnectOptions, Planet } from "./types";

export type * from "./types";

/** Connects to the server and stays connected until `close()`. */
export function connect(options: ConnectOptions = {}): Planet {
  const client = new Client(options, browserEnvironment());
  client.reconnect();
  return client;
}
