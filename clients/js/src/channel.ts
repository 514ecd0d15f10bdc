import { fullJitter } from "./backoff";
import type { Commands } from "./commands";
import type { Environment, Timer } from "./environment";
import { PlanetError } from "./errors";
import * as wire from "./protocol";
import type { Subscriber } from "./subscription";
import type { Token } from "./token";
import type { Gap, Message, Origin, Position, SubscriptionState } from "./types";

/** What a channel needs from, and tells, the client. */
export interface ChannelHost {
  environment: Environment;
  commands: Commands;
  backoff: { base: number; max: number };
  timeout: number;
  connected(): boolean;
  /** The connection no longer does what it should. */
  lost(code: number, reason: string): void;
  onMessage(message: Message): void;
  onGap(gap: Gap): void;
  onError(error: PlanetError, channel: string): void;
  /** The last subscriber left. */
  release(channel: Channel): void;
}

interface Waiter {
  resolve(): void;
  reject(error: PlanetError): void;
  timer: Timer;
}

/**
 * One channel as this connection sees it: subscribed once, however many subscribers the page has.
 *
 * Invariant: `position` is the place of the last message given to the subscribers, so that a
 * resume from it repeats nothing and leaves nothing out.
 */
export class Channel {
  state: SubscriptionState = "subscribing";
  position: Position | null = null;
  /** A subscribe command is on its way. */
  busy = false;

  private subscribers = new Set<Subscriber>();
  private recoverable = false;
  private joinLeave = false;
  private attempts = 0;
  private timer: Timer = null;
  /** Grows with each subscribe and each end of one; what belongs to an older one is ignored. */
  private generation = 0;
  private waiters = new Set<Waiter>();

  constructor(
    readonly name: string,
    readonly host: ChannelHost,
    private token: Token | null,
    private data: unknown,
  ) {}

  /** What asks the server to go on after the last message; null when it could not. */
  resumeRequest(): object | null {
    return this.recoverable && this.position ? { recover: true, ...this.position } : null;
  }

  add(subscriber: Subscriber): void {
    this.subscribers.add(subscriber);
    if (this.state !== "subscribed") return;
    if (wantsJoinLeave(subscriber) && !this.joinLeave) {
      this.leave();
      this.connectionLost(wire.CONNECTING, "asking for join and leave events");
      void this.subscribe();
    } else {
      subscriber.joined(this.position!);
    }
  }

  remove(subscriber: Subscriber): void {
    if (!this.subscribers.delete(subscriber) || this.subscribers.size) return;
    if (this.host.connected() && this.state !== "unsubscribed") this.leave();
    this.end(wire.UNSUBSCRIBED, "unsubscribed by the page");
    this.host.release(this);
  }

  /** Subscribes, resuming where the last subscription ended. */
  async subscribe(): Promise<void> {
    if (!this.host.connected() || this.state === "unsubscribed") return;
    const generation = ++this.generation;
    this.host.environment.clearTimeout(this.timer);
    this.busy = true;
    this.joinLeave = [...this.subscribers].some(wantsJoinLeave);
    const params: Record<string, unknown> = { channel: this.name, recoverable: true, ...this.resumeRequest() };
    if (this.joinLeave) params.join_leave = true;
    if (this.data !== undefined) params.data = this.data;
    if (this.token) {
      try {
        params.token = await this.token.get();
      } catch (error) {
        if (generation !== this.generation) return;
        this.busy = false;
        return this.failed(error as PlanetError);
      }
      if (generation !== this.generation) return;
    }
    this.host.commands.send("subscribe", params, (error, frame) => {
      if (generation !== this.generation) return;
      this.busy = false;
      if (error) this.failed(error);
      else this.subscribed(frame.subscribe as wire.SubscribeResult);
    });
  }

  /** Takes the result of a subscribe, or of a subscription that the server made. */
  subscribed(result: wire.SubscribeResult): void {
    const { generation, position: before, recoverable: wasRecoverable } = this;
    const { offset = 0, epoch = "", publications = [] } = result;
    const recovered = !!result.recovered;
    this.attempts = 0;
    this.recoverable = !!result.recoverable;
    this.state = "subscribed";
    if (recovered && before) {
      this.position = { epoch: epoch || before.epoch, offset: before.offset };
    } else {
      // What comes with the reply comes after the position.
      const first = publications[0]?.offset;
      this.position = { epoch, offset: first ? Math.min(offset, first - 1) : offset };
    }
    for (const subscriber of [...this.subscribers]) subscriber.changed("subscribed", 0, "subscribed", recovered);
    if (generation !== this.generation) return;
    if (before && !recovered) {
      const reason = wasRecoverable || result.was_recovering ? "unrecoverable" : "no_history";
      this.gap({ channel: this.name, reason }, before);
    }
    for (const publication of publications) this.publication(publication, "recovered");
    this.token?.schedule(result.expires ? result.ttl : undefined, this.sendRefresh, (error) => this.refreshFailed(error));
    this.settle((waiter) => waiter.resolve());
  }

  /** Gives a publication to the subscribers, unless they have it already. */
  publication({ data, offset, info }: wire.Publication, origin: Origin = "live"): void {
    if (this.state !== "subscribed") return;
    const { position } = this;
    if (offset && position) {
      if (offset <= position.offset) return;
      const first = position.offset + 1;
      position.offset = offset;
      if (offset > first && this.recoverable) {
        this.gap({ channel: this.name, reason: "skipped", dropped: offset - first, first, last: offset - 1 });
      }
    }
    const message: Message = { channel: this.name, data, offset: offset || undefined, info, origin };
    for (const subscriber of [...this.subscribers]) subscriber.message(message);
    this.host.onMessage(message);
  }

  /** The server says that it dropped messages of this channel. */
  dropped(first: number, last: number, dropped: number): void {
    if (this.position) {
      if (last <= this.position.offset) return;
      this.position.offset = last;
    }
    this.gap({ channel: this.name, reason: "dropped", dropped, first, last });
  }

  presence({ join, leave }: wire.Push): void {
    for (const { options } of [...this.subscribers]) {
      if (join) options.onJoin?.(join.info);
      if (leave) options.onLeave?.(leave.info);
    }
  }

  /** The connection is gone; the subscription comes back with the next. */
  connectionLost(code = wire.DISCONNECTED, reason = "connection lost"): void {
    this.stop();
    if (this.state !== "subscribed") return;
    this.state = "subscribing";
    for (const subscriber of [...this.subscribers]) subscriber.changed("subscribing", code, reason);
  }

  /** The server ended the subscription, or asks for a new one. */
  unsubscribePush({ code, reason }: wire.Ended): void {
    if (code < wire.UNSUBSCRIBE_RETRY) return this.end(code, reason);
    this.connectionLost(code, reason);
    if (code === wire.UNSUBSCRIBE_EXPIRED) this.token?.expire();
    void this.subscribe();
  }

  /** Ends the subscription for good. */
  end(code: number, reason: string): void {
    if (this.state === "unsubscribed") return;
    this.stop();
    this.state = "unsubscribed";
    this.settle((waiter) => waiter.reject(this.notSubscribed(reason)));
    for (const subscriber of [...this.subscribers]) subscriber.changed("unsubscribed", code, reason);
  }

  /** Resolves once subscribed. */
  whenSubscribed(): Promise<void> {
    if (this.state === "subscribed") return Promise.resolve();
    if (this.state === "unsubscribed") return Promise.reject(this.notSubscribed("the subscription has ended"));
    const { environment, timeout } = this.host;
    return new Promise((resolve, reject) => {
      const timer = environment.setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new PlanetError(wire.TIMEOUT, `not subscribed to ${this.name} within ${timeout} ms`, true));
      }, timeout);
      const waiter: Waiter = { resolve, reject, timer };
      this.waiters.add(waiter);
    });
  }

  /** Whatever is on its way for this channel is void. */
  private stop(): void {
    this.generation++;
    this.busy = false;
    this.token?.cancel();
    this.host.environment.clearTimeout(this.timer);
  }

  private settle(how: (waiter: Waiter) => void): void {
    const waiters = [...this.waiters];
    this.waiters.clear();
    for (const waiter of waiters) {
      this.host.environment.clearTimeout(waiter.timer);
      how(waiter);
    }
  }

  private notSubscribed(reason: string): PlanetError {
    return new PlanetError(wire.UNSUBSCRIBED, `not subscribed to ${this.name}: ${reason}`);
  }

  private leave(): void {
    this.host.commands.send("unsubscribe", { channel: this.name }, () => {});
  }

  private failed(error: PlanetError): void {
    const { code } = error;
    if (code === wire.DISCONNECTED) return;
    // Over POST the command may still be on its way; a new connection makes the order plain again.
    if (code === wire.TIMEOUT) return this.host.lost(wire.NO_REPLY, `no reply to subscribe ${this.name}`);
    let again = error.temporary;
    if (code === wire.ALREADY_SUBSCRIBED) {
      this.leave();
      again = true;
    } else if (code === wire.UNRECOVERABLE_POSITION && this.position) {
      const before = this.position;
      this.position = null;
      this.gap({ channel: this.name, reason: "unrecoverable" }, before);
      again = true;
    } else if (code === wire.TOKEN_EXPIRED && this.token?.expire()) {
      again = true;
    } else {
      this.report(error);
    }
    if (!again) return this.end(code, error.message);
    const { base, max } = this.host.backoff;
    const pause = fullJitter(this.attempts++, base, max, this.host.environment.random);
    this.timer = this.host.environment.setTimeout(() => void this.subscribe(), pause);
  }

  private report(error: PlanetError): void {
    this.host.onError(error, this.name);
    for (const { options } of [...this.subscribers]) options.onError?.(error);
  }

  private gap(gap: Gap, before: Position | null = null): void {
    const position = this.position && { ...this.position };
    for (const subscriber of [...this.subscribers]) subscriber.gap(gap, before, position);
    this.host.onGap(gap);
  }

  private sendRefresh = (token: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      this.host.commands.send("sub_refresh", { channel: this.name, token }, (error, frame) => {
        const result = frame.sub_refresh as { expires?: boolean; ttl?: number } | undefined;
        if (error) reject(error);
        else resolve(result?.expires ? result.ttl : undefined);
      });
    });

  private refreshFailed(error: PlanetError): void {
    this.report(error);
    if (error.temporary) return;
    this.leave();
    this.end(error.code, error.message);
  }
}

function wantsJoinLeave({ options }: Subscriber): boolean {
  return !!(options.onJoin || options.onLeave);
}
