import type { Channel } from "./channel";
import { callSafely } from "./emitter";
import { PlanetError } from "./errors";
import * as wire from "./protocol";
import type {
  ClientInfo,
  Gap,
  History,
  HistoryOptions,
  Message,
  Position,
  PresenceStats,
  SubscribeOptions,
  Subscription,
  SubscriptionState,
} from "./types";

/** Events kept back while the history comes in, at most; then the history is given up. */
const MOST_HELD = 1000;

/** Newest messages first, up to `limit` of them and no further back than `after`. */
interface Backlog {
  after: Position | null;
  upTo: Position;
}

/** One subscription of the page: its handlers, and its own view of the channel's history. */
export class Subscriber implements Subscription {
  readonly options: SubscribeOptions;

  private ended = false;
  private begun = false;
  /** What came since the history was asked for, to be told after it. */
  private held: (() => void)[] | null = null;
  private backlog: Backlog | null = null;

  constructor(
    private from: Channel,
    options: SubscribeOptions<never>,
  ) {
    const given = options as SubscribeOptions;
    const safely = <E>(handler?: (event: E) => void) => handler && ((event: E) => callSafely(handler, event));
    this.options = { ...given, onJoin: safely(given.onJoin), onLeave: safely(given.onLeave), onError: safely(given.onError) };
  }

  get channel(): string {
    return this.from.name;
  }

  get state(): SubscriptionState {
    return this.ended ? "unsubscribed" : this.from.state;
  }

  async publish(data: unknown): Promise<void> {
    if (data === undefined) throw new TypeError("publish needs a JSON value");
    await this.command("publish", { data });
  }

  async history({ limit = 100, since, reverse }: HistoryOptions = {}): Promise<History<never>> {
    const { history = {} } = await this.command("history", { limit, since, reverse });
    const { epoch = "", offset = 0, publications = [] } = history as Partial<Position> & { publications?: wire.Publication[] };
    return { epoch, offset, publications: publications.map((publication) => this.old(publication) as Message<never>) };
  }

  async presence(): Promise<ClientInfo[]> {
    const { presence } = await this.command("presence");
    return Object.values((presence as { presence?: Record<string, ClientInfo> } | undefined)?.presence ?? {});
  }

  async presenceStats(): Promise<PresenceStats> {
    const { presence_stats } = await this.command("presence_stats");
    const { num_clients = 0, num_users = 0 } = (presence_stats ?? {}) as { num_clients?: number; num_users?: number };
    return { clients: num_clients, users: num_users };
  }

  unsubscribe(): void {
    if (this.ended) return;
    this.ended = true;
    this.held = this.backlog = null;
    this.from.remove(this);
    callSafely(this.options.onState, {
      channel: this.channel,
      state: "unsubscribed",
      code: wire.UNSUBSCRIBED,
      reason: "unsubscribed by the page",
    });
  }

  /** Joins a channel that is subscribed already. The page hears of it once it has this object. */
  joined(position: Position): void {
    this.begin(position);
    queueMicrotask(() => this.state === "subscribed" && this.tell("subscribed", 0, "subscribed"));
  }

  changed(state: SubscriptionState, code: number, reason: string, recovered?: boolean): void {
    if (state === "subscribed") {
      // The reply to an earlier request was lost with its connection.
      if (this.backlog) this.fetchBacklog();
      else if (!this.begun) this.begin(this.from.position!);
    }
    this.tell(state, code, reason, recovered);
  }

  message(message: Message): void {
    this.orderly(() => callSafely(this.options.onMessage, message));
  }

  /** A gap after `before`; what the history still has of it is delivered after the notice. */
  gap(gap: Gap, before: Position | null, position: Position | null): void {
    this.orderly(() => {
      callSafely(this.options.onGap, gap);
      if (before && position && !this.ended) this.hold({ after: before, upTo: position });
    });
  }

  private tell(state: SubscriptionState, code: number, reason: string, recovered?: boolean): void {
    callSafely(this.options.onState, { channel: this.channel, state, code, reason, recovered });
  }

  private orderly(event: () => void): void {
    if (this.ended) return;
    if (!this.held) return event();
    this.held.push(event);
    if (this.held.length > MOST_HELD) this.release();
  }

  private begin(position: Position): void {
    this.begun = true;
    this.hold({ after: null, upTo: { ...position } });
  }

  private hold(backlog: Backlog): void {
    if (!this.options.history || !backlog.upTo.offset) return;
    this.held = [];
    this.backlog = backlog;
    if (this.from.state === "subscribed") this.fetchBacklog();
  }

  private fetchBacklog(): void {
    const backlog = this.backlog!;
    const params = { channel: this.channel, limit: this.options.history, reverse: true };
    this.from.host.commands.send("history", params, (error, frame) => {
      if (this.backlog !== backlog || error?.code === wire.DISCONNECTED) return;
      if (error) this.options.onError?.(error);
      const { epoch, publications = [] } = (frame.history ?? {}) as { epoch?: string; publications?: wire.Publication[] };
      const { after, upTo } = backlog;
      // What is later than the subscription comes by itself, and another epoch has a gap of its own.
      const last = epoch === upTo.epoch ? upTo.offset : 0;
      const seen = after && after.epoch === epoch ? after.offset : 0;
      const missed = publications.filter(({ offset = 0 }) => offset > seen && offset <= last);
      for (const publication of missed.sort((a, b) => a.offset! - b.offset!)) callSafely(this.options.onMessage, this.old(publication));
      if (this.backlog === backlog) this.release();
    });
  }

  private release(): void {
    const events = this.held ?? [];
    this.held = this.backlog = null;
    // A gap among the events asks for history again, and the rest goes on waiting.
    for (let event = events.shift(); event; event = events.shift()) {
      event();
      if (this.held) return void (this.held = events);
    }
  }

  private old({ data, offset, info }: wire.Publication): Message {
    return { channel: this.channel, data, offset, info, origin: "history" };
  }

  private async command(method: string, params: object = {}): Promise<wire.Frame> {
    if (this.ended) throw new PlanetError(wire.UNSUBSCRIBED, `not subscribed to ${this.channel}`);
    await this.from.whenSubscribed();
    return this.from.host.commands.request(method, { channel: this.channel, ...params });
  }
}
