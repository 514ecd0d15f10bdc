import { Channel, type ChannelHost } from "./channel";
import { TransportChooser } from "./chooser";
import { Connection, type ConnectionHooks } from "./connection";
import { Emitter } from "./emitter";
import type { Environment } from "./environment";
import { PlanetError } from "./errors";
import type * as wire from "./protocol";
import { Subscriber } from "./subscription";
import { Token } from "./token";
import type { ConnectionState, ConnectOptions, Planet, PlanetEvents, SubscribeOptions, Subscription, TransportName } from "./types";

const VERSION = "0.1.0";
const ALL_TRANSPORTS: TransportName[] = ["websocket", "http_stream", "sse", "long_poll"];

/** The base of every path, without a slash at its end. */
function baseUrl({ url = "", apiKey }: ConnectOptions): string {
  const page = (globalThis as { location?: Location }).location?.href;
  const base = new URL(url.replace(/^ws/, "http") || "/", page);
  return base.origin + base.pathname.replace(/\/+$/, "") + (apiKey ? `/app/${encodeURIComponent(apiKey)}` : "");
}

/** The client behind `connect()`: routes what the connection brings to the channels. */
export class Client implements Planet {
  private emitter = new Emitter<PlanetEvents>();
  private connection: Connection;
  private channels = new Map<string, Channel>();
  /** Subscriptions that the server made for this user. */
  private serverSide = new Map<string, Channel>();
  private token: Token;
  private host: ChannelHost;

  constructor(
    private options: ConnectOptions,
    private environment: Environment,
  ) {
    const { transports = ALL_TRANSPORTS, transportTimeout = 5000, remember = true, timeout = 10_000, getToken } = options;
    const url = baseUrl(options);
    const backoff = { base: options.backoff?.base ?? 500, max: options.backoff?.max ?? 20_000 };
    this.token = new Token(environment, options.token, getToken && (() => getToken({ url })));
    const chooser = new TransportChooser(transports, environment, url, remember);
    this.connection = new Connection({ url, transportTimeout, backoff, timeout }, environment, chooser, this.hooks());
    this.host = {
      environment,
      backoff,
      timeout,
      commands: this.connection.commands,
      connected: () => this.connection.state === "connected",
      lost: (code, reason) => this.connection.lost(code, reason),
      onMessage: (message) => this.emitter.emit("message", message),
      onGap: (gap) => this.emitter.emit("gap", gap),
      onError: (error, channel) => this.failed(error, channel),
      release: (channel) => void this.channels.delete(channel.name),
    };
  }

  get state(): ConnectionState {
    return this.connection.state;
  }

  get transport(): TransportName | null {
    return this.state === "connected" ? this.connection.transportName : null;
  }

  get client(): string | null {
    return this.connection.clientId;
  }

  on<E extends keyof PlanetEvents>(event: E, handler: (event: PlanetEvents[E]) => void): () => void {
    return this.emitter.on(event, handler);
  }

  subscribe<T>(name: string, options: SubscribeOptions<T> = {}): Subscription<T> {
    let channel = this.channels.get(name);
    if (!channel || channel.state === "unsubscribed") {
      const source = options.getToken ?? this.options.getSubscriptionToken;
      const token =
        options.token || source ? new Token(this.environment, options.token, source && (() => source({ channel: name }))) : null;
      channel = new Channel(name, this.host, token, options.data);
      this.channels.set(name, channel);
    }
    const subscriber = new Subscriber(channel, options as SubscribeOptions<never>);
    channel.add(subscriber);
    // After this turn of the event loop: the page may add more subscribers to the channel first.
    queueMicrotask(() => channel.state === "subscribing" && !channel.busy && void channel.subscribe());
    return subscriber as Subscription<never>;
  }

  async publish(channel: string, data: unknown): Promise<void> {
    if (data === undefined) throw new TypeError("publish needs a JSON value");
    await this.connection.commands.request("publish", { channel, data });
  }

  reconnect(): void {
    this.connection.open();
  }

  close(): void {
    this.connection.close();
  }

  private hooks(): ConnectionHooks {
    return {
      connectRequest: () => this.connectRequest(),
      tokenExpired: () => this.token.expire(),
      onConnected: (result) => this.connected(result),
      onPush: (push) => this.push(push),
      onLost: () => {
        this.token.cancel();
        for (const channel of [...this.channels.values(), ...this.serverSide.values()]) channel.connectionLost();
      },
      onState: (change) => this.emitter.emit("state", change),
      onError: (error) => this.failed(error),
      log: (line) => this.log(line),
    };
  }

  private async connectRequest(): Promise<object> {
    const { user, data } = this.options;
    const token = await this.token.get();
    const subs: Record<string, object> = {};
    for (const [name, channel] of this.serverSide) {
      const resume = channel.resumeRequest();
      if (resume) subs[name] = resume;
    }
    return {
      token,
      data: user === undefined ? data : { ...data, user },
      name: "planet-js",
      version: VERSION,
      subs: Object.keys(subs).length ? subs : undefined,
    };
  }

  private connected(result: wire.ConnectResult): void {
    this.token.schedule(result.expires ? result.ttl : undefined, this.sendRefresh, (error) => {
      this.failed(error);
      if (!error.temporary) this.connection.close(error.code, error.message);
    });
    for (const channel of [...this.channels.values()]) void channel.subscribe();
    const subs = result.subs ?? {};
    for (const name of this.serverSide.keys()) if (!subs[name]) this.serverSide.delete(name);
    for (const name of Object.keys(subs)) this.serverSubscribed(name, subs[name]!);
  }

  private push(push: wire.Push): void {
    const name = push.channel ?? "";
    const channel = this.channels.get(name) ?? this.serverSide.get(name);
    if (push.message) this.direct(push.message.data);
    else if (push.subscribe) this.serverSubscribed(name, push.subscribe);
    else if (push.pub) channel?.publication(push.pub);
    else if (push.unsubscribe) {
      channel?.unsubscribePush(push.unsubscribe);
      this.serverSide.delete(name);
    } else if (push.join || push.leave) channel?.presence(push);
  }

  /** A message to the user or to all, or the server's notice of messages that it dropped. */
  private direct(data: unknown): void {
    const gap = (data as { gap?: { channel: string; dropped: number; first: number; last: number } } | null)?.gap;
    const channel = gap && (this.channels.get(gap.channel) ?? this.serverSide.get(gap.channel));
    if (channel && Object.keys(data as object).length === 1 && gap.last >= gap.first) channel.dropped(gap.first, gap.last, gap.dropped);
    else this.emitter.emit("message", { channel: null, data, origin: "live" });
  }

  private serverSubscribed(name: string, result: wire.SubscribeResult): void {
    let channel = this.serverSide.get(name);
    if (!channel) this.serverSide.set(name, (channel = new Channel(name, this.host, null, undefined)));
    channel.subscribed(result);
  }

  private sendRefresh = async (token: string): Promise<number | undefined> => {
    const { refresh } = await this.connection.commands.request("refresh", { token });
    const { expires, ttl } = (refresh ?? {}) as { expires?: boolean; ttl?: number };
    return expires ? ttl : undefined;
  };

  private failed(error: PlanetError, channel?: string): void {
    this.log(`error ${error.code}: ${error.message}${channel ? ` (${channel})` : ""}`);
    this.emitter.emit("error", { error, channel });
  }

  private log(line: string): void {
    const { log } = this.options;
    if (log) (log === true ? console.log : log)(`[planet] ${line}`);
  }
}
