/** The ways to reach the server, in the order in which they are tried. */
export type TransportName = "websocket" | "http_stream" | "sse" | "long_poll";

/** Where the connection stands. `waiting` is the pause before the next attempt; `closed` is final. */
export type ConnectionState = "connecting" | "connected" | "waiting" | "closed";

/** Where one subscription stands. `unsubscribed` is final. */
export type SubscriptionState = "subscribing" | "subscribed" | "unsubscribed";

/** How a message reached the page: as it was published, by a resume after a cut, or from the history asked for. */
export type Origin = "live" | "recovered" | "history";

/** A place in a channel's log. An offset means something only together with its epoch. */
export interface Position {
  epoch: string;
  offset: number;
}

/** One connection of one user, as presence, join, leave and publications show it. */
export interface ClientInfo {
  /** Empty for an anonymous visitor. */
  user: string;
  /** The server's id of the connection. A user with two tabs has two. */
  client: string;
  conn_info?: unknown;
  chan_info?: unknown;
}

/** A message for the page. */
export interface Message<T = unknown> {
  /** The channel, or null for a message sent to this user or to every connection of the app. */
  channel: string | null;
  /** The JSON value that was published. */
  data: T;
  /** The place in the channel's log; absent when the channel keeps none. */
  offset?: number;
  /** Who published, when a client did. */
  info?: ClientInfo;
  origin: Origin;
}

/**
 * Messages of a channel that this page will not get.
 *
 * - `unrecoverable`: the server no longer has everything since the last message seen here.
 * - `no_history`: the channel keeps no log, and the connection was away for a while; what was published meanwhile is unknown.
 * - `dropped`: the server dropped messages because this connection could not keep up.
 * - `skipped`: offsets are missing between two messages.
 */
export interface Gap {
  channel: string;
  reason: "unrecoverable" | "no_history" | "dropped" | "skipped";
  /** How many messages are missing, where that is known. */
  dropped?: number;
  /** Offset of the first missing message, where known. */
  first?: number;
  /** Offset of the last missing message, where known. */
  last?: number;
}

export interface StateChange {
  state: ConnectionState;
  /** The transport in use when `connected`, being tried when `connecting`, otherwise null. */
  transport: TransportName | null;
  /** Why: a disconnect code of the server, or one of the client's own below 100. */
  code: number;
  reason: string;
  /** Milliseconds until the next attempt, when `waiting`. */
  retryIn?: number;
}

export interface SubscriptionStateChange {
  channel: string;
  state: SubscriptionState;
  code: number;
  reason: string;
  /** True when a `subscribed` continues exactly where the last one ended. */
  recovered?: boolean;
}

/** What went wrong with a command or a token. `temporary` says that trying again may help. */
export interface PlanetError extends Error {
  code: number;
  temporary: boolean;
}

export interface ErrorEvent {
  error: PlanetError;
  /** The channel concerned, if it is one. */
  channel?: string;
}

export interface History<T = unknown> extends Position {
  publications: Message<T>[];
}

export interface HistoryOptions {
  /** At most this many publications. Default 100. */
  limit?: number;
  /** Only what comes after this position (before it, when `reverse`). */
  since?: Position;
  /** Newest first. */
  reverse?: boolean;
}

export interface PresenceStats {
  /** Connections subscribed. */
  clients: number;
  /** Distinct users among them. */
  users: number;
}

/** Gives a token: a JWT or a Beacon token. An empty result means that this visitor may not (any more). */
export type TokenSource<Context> = (context: Context) => string | null | Promise<string | null>;

export interface SubscribeOptions<T = unknown> {
  /**
   * Deliver up to this many of the newest kept messages first, oldest of them first and
   * each with `origin: "history"`, then go on live: no message twice, none between lost.
   */
  history?: number;
  /** For a channel that asks for a token. */
  token?: string;
  getToken?: TokenSource<{ channel: string }>;
  /** Any JSON value for the server. */
  data?: unknown;
  onMessage?: (message: Message<T>) => void;
  onGap?: (gap: Gap) => void;
  onJoin?: (info: ClientInfo) => void;
  onLeave?: (info: ClientInfo) => void;
  onState?: (change: SubscriptionStateChange) => void;
  onError?: (error: PlanetError) => void;
}

export interface Subscription<T = unknown> {
  readonly channel: string;
  readonly state: SubscriptionState;
  /** Resolves when the server has taken the message; rejects with a PlanetError. */
  publish(data: T): Promise<void>;
  history(options?: HistoryOptions): Promise<History<T>>;
  /** One entry for each connection subscribed. */
  presence(): Promise<ClientInfo[]>;
  presenceStats(): Promise<PresenceStats>;
  /** Ends this subscription. The channel itself is left when its last subscription on this page ends. */
  unsubscribe(): void;
}

export interface ConnectOptions {
  /** The server, with a path prefix if it has one. Default: the page's own origin. */
  url?: string;
  /** The app. Default: the server's default app. */
  apiKey?: string;
  /** The user that a Beacon token was made for. Not needed with a JWT, which says who the user is. */
  user?: string;
  /** A JWT or a Beacon token. */
  token?: string;
  /** Called for the first token when `token` is absent, and whenever a new one is needed. */
  getToken?: TokenSource<{ url: string }>;
  /** Called for channels that ask for a token and were not given one of their own. */
  getSubscriptionToken?: TokenSource<{ channel: string }>;
  /** An object for the server with the connect command; `user` is added to it. */
  data?: Record<string, unknown>;
  /** Which transports to try, in which order. Default: all four. */
  transports?: TransportName[];
  /** How long to wait for each transport in the first round, in milliseconds; doubled in each of the next two rounds. Default 5000. */
  transportTimeout?: number;
  /** Remember in localStorage, for an hour, which transport worked. Default true. */
  remember?: boolean;
  /** Bounds of the pause before an attempt, in milliseconds. Default 500 and 20000. */
  backoff?: { base?: number; max?: number };
  /** How long a command waits for the connection and for its reply, in milliseconds. Default 10000. */
  timeout?: number;
  /** Write what happens to the console, or to a function. */
  log?: boolean | ((line: string) => void);
}

export interface PlanetEvents {
  state: StateChange;
  /** Every message of every channel, and messages to this user or to all. */
  message: Message;
  gap: Gap;
  error: ErrorEvent;
}

export interface Planet {
  readonly state: ConnectionState;
  /** The transport in use, while connected. */
  readonly transport: TransportName | null;
  /** The server's id of this connection, while connected. */
  readonly client: string | null;
  subscribe<T = unknown>(channel: string, options?: SubscribeOptions<T>): Subscription<T>;
  /** Publishes without a subscription. */
  publish(channel: string, data: unknown): Promise<void>;
  /** Calls the handler for each event; returns a function that stops it. */
  on<E extends keyof PlanetEvents>(event: E, handler: (event: PlanetEvents[E]) => void): () => void;
  /** Tries now: skips the pause when waiting, and opens again after a close. */
  reconnect(): void;
  /** Closes the connection for good. Subscriptions stay and come back with `reconnect()`. */
  close(): void;
}
