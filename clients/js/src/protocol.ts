import type { ClientInfo } from "./types";

/**
 * The frames of the Centrifuge client protocol v2 in JSON, as far as this client uses them.
 * In a batch, frames are separated by newlines.
 */

/** A command: `{"id": 1, "subscribe": {…}}`. The empty object answers a ping. */
export interface Command {
  id?: number;
  [method: string]: unknown;
}

export interface WireError {
  code: number;
  message: string;
  temporary?: boolean;
}

export interface Publication {
  data: unknown;
  offset?: number;
  info?: ClientInfo;
}

/** Result of a subscribe command, and of each server-side subscription in a connect result. */
export interface SubscribeResult {
  recoverable?: boolean;
  epoch?: string;
  offset?: number;
  publications?: Publication[];
  recovered?: boolean;
  was_recovering?: boolean;
  expires?: boolean;
  ttl?: number;
}

export interface ConnectResult {
  client: string;
  expires?: boolean;
  ttl?: number;
  /** Seconds between the server's pings; none when absent. */
  ping?: number;
  /** The server wants each ping answered. */
  pong?: boolean;
  session?: string;
  node?: string;
  subs?: Record<string, SubscribeResult>;
}

export interface Ended {
  code: number;
  reason: string;
}

export interface Push {
  channel?: string;
  pub?: Publication;
  join?: { info: ClientInfo };
  leave?: { info: ClientInfo };
  message?: { data: unknown };
  subscribe?: SubscribeResult;
  unsubscribe?: Ended;
  disconnect?: Ended;
  refresh?: { expires?: boolean; ttl?: number };
}

/** A reply (with `id`), a push, or `{}`: a ping. */
export interface Frame {
  id?: number;
  error?: WireError;
  push?: Push;
  connect?: ConnectResult;
  [result: string]: unknown;
}

/** Error codes of the server which this client treats specially. */
export const TOKEN_EXPIRED = 109;
export const ALREADY_SUBSCRIBED = 105;
export const UNRECOVERABLE_POSITION = 112;

/** Codes of this client's own, below every code of the server. */
export const CLOSED_BY_PAGE = 0;
export const CONNECTING = 1;
export const TRANSPORT_CLOSED = 2;
export const NO_REPLY = 3;
export const NO_PING = 4;
export const CHECK_FAILED = 5;
export const SUSPENDED = 6;
export const BAD_FRAME = 7;
export const TIMEOUT = 10;
export const DISCONNECTED = 11;
export const TOO_MANY_COMMANDS = 12;
export const UNSUBSCRIBED = 13;
export const NO_TOKEN = 14;

/** The disconnect that says that the connection's token ran out. */
export const DISCONNECT_EXPIRED = 3005;
/** Unsubscribe pushes from here on ask the client to subscribe again. */
export const UNSUBSCRIBE_RETRY = 2500;
/** The subscription's token ran out. */
export const UNSUBSCRIBE_EXPIRED = 2501;

/** Disconnect codes 3500 to 3999 and 4500 to 4999 tell the client to stay away. */
export function isFinal(code: number): boolean {
  return (code >= 3500 && code < 4000) || (code >= 4500 && code < 5000);
}

/** The frames of one batch. Throws SyntaxError when a line is not JSON. */
export function parseFrames(text: string): Frame[] {
  const frames: Frame[] = [];
  for (const line of text.split("\n")) {
    if (line.trim()) frames.push(JSON.parse(line) as Frame);
  }
  return frames;
}

const COMMANDS_IN_BATCH = 32;
const CHARACTERS_IN_BATCH = 16_384;

/** Commands as batches that stay within what a server takes at once, unless a single command is larger. */
export function encodeBatches(commands: Command[]): string[] {
  const batches: string[] = [];
  let lines: string[] = [];
  let size = 0;
  for (const command of commands) {
    const line = JSON.stringify(command);
    if (lines.length && (lines.length === COMMANDS_IN_BATCH || size + line.length > CHARACTERS_IN_BATCH)) {
      batches.push(lines.join("\n"));
      lines = [];
      size = 0;
    }
    lines.push(line);
    size += line.length + 1;
  }
  if (lines.length) batches.push(lines.join("\n"));
  return batches;
}
