import { callSafely } from "./emitter";
import { connect as open } from "./index";
import type { ConnectOptions, Gap, Planet } from "./types";

/** Options of the classic face, beside those of `connect()`. */
export interface BeaconOptions extends ConnectOptions {
  onGap?: (gap: Gap) => void;
}

type Listener = (message: unknown) => void;

// Known only while the script itself runs.
const script = (document.currentScript as HTMLScriptElement | null)?.src;

const listeners: Listener[] = [];
let planet: Planet | null = null;

/** Where the script came from, without its own path, is where the server is. */
function serverOf(source: string): string {
  const url = new URL(source);
  return url.origin + url.pathname.replace(/\/(1\/)?[^/]*$/, "");
}

/** Connects to an app and subscribes to channels; ends an earlier connection. */
export function connect(apiKey: string, channels: string[] = [], options: BeaconOptions = {}): Planet {
  planet?.close();
  planet = open({ url: script && serverOf(script), ...options, apiKey });
  planet.on("message", ({ data }) => {
    for (const listener of [...listeners]) callSafely(listener, data);
  });
  if (options.onGap) planet.on("gap", options.onGap);
  for (const channel of channels) planet.subscribe(channel);
  return planet;
}

/** Calls back with each message of the channels, to the user and to all: the JSON value that was published. */
export function listen(listener: Listener): void {
  listeners.push(listener);
}

/** Publishes to a channel. */
export function publish(channel: string, data: unknown): Promise<void> {
  return planet ? planet.publish(channel, data) : Promise.reject(new Error("Beacon.connect was not called"));
}

/** Closes the connection. */
export function disconnect(): void {
  planet?.close();
  planet = null;
}
