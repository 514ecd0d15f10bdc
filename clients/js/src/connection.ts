import { fullJitter } from "./backoff";
import type { TransportChooser } from "./chooser";
import { Commands } from "./commands";
import type { Environment, PageEvent, Timer } from "./environment";
import { PlanetError } from "./errors";
import * as wire from "./protocol";
import type { Transport } from "./transports/transport";
import type { ConnectionState, StateChange, TransportName } from "./types";

/** What the connection asks of, and tells, the client above it. */
export interface ConnectionHooks {
  /** The connect request. Rejects with a final PlanetError when there is no token to be had. */
  connectRequest(): Promise<object>;
  /** The token was refused as expired. False when no other can be had. */
  tokenExpired(): boolean;
  /** Called with the connect reply, before anything that comes after it. */
  onConnected(result: wire.ConnectResult): void;
  onPush(push: wire.Push): void;
  /** An established connection ended. */
  onLost(): void;
  onState(change: StateChange): void;
  onError(error: PlanetError): void;
  log(line: string): void;
}

export interface ConnectionSettings {
  url: string;
  transportTimeout: number;
  backoff: { base: number; max: number };
  timeout: number;
}

/** Added to the server's ping interval before silence counts as a broken connection. */
const PING_GRACE = 10_000;
/** How long a check after sleep or a network change waits for its answer. */
const CHECK_TIMEOUT = 4000;
/** How often the clock is looked at; a jump of more than twice this means that the device slept. */
const TICK = 5000;
/** A connection that lasted this long starts the backoff anew. */
const STABLE_AFTER = 5000;

/** Keeps one connection to the server up: rounds of transports, pauses between them, liveness. */
export class Connection {
  state: ConnectionState = "closed";
  transportName: TransportName | null = null;
  /** The server's id of this connection, while connected. */
  clientId: string | null = null;
  readonly commands: Commands;

  private transport: Transport | null = null;
  /** Grows with each attempt and each end of one, so that whatever belongs to an older one is ignored. */
  private generation = 0;
  private timer: Timer = null;
  private ticker: Timer = null;
  private attempts = 0;
  private round: TransportName[] = [];
  private suspended = false;
  private checking = false;
  private retriedToken = false;
  private connectedAt = 0;
  private lastAlive = 0;
  private lastTick = 0;
  private pingInterval = 0;
  private answerPings = false;
  private forgetPage: (() => void) | null = null;

  constructor(
    private settings: ConnectionSettings,
    private environment: Environment,
    private chooser: TransportChooser,
    private hooks: ConnectionHooks,
  ) {
    this.commands = new Commands(environment, settings.timeout, (commands) => this.transport?.send(commands));
  }

  /** Opens the connection, or tries again at once when waiting. */
  open(): void {
    if (this.state !== "closed" && this.state !== "waiting") return;
    this.forgetPage ??= this.environment.onPageEvent((event) => this.onPageEvent(event));
    this.startRound();
  }

  /** Ends the connection until `open()`. */
  close(code = wire.CLOSED_BY_PAGE, reason = "closed by the page"): void {
    if (this.state === "closed") return;
    this.forgetPage?.();
    this.forgetPage = null;
    this.attempts = 0;
    this.drop();
    this.commands.rejectAll(new PlanetError(wire.DISCONNECTED, `connection closed: ${reason}`));
    this.change("closed", code, reason);
  }

  /** Ends the transport as broken and tries again after a pause. */
  lost(code: number, reason: string): void {
    if (wire.isFinal(code)) return this.close(code, reason);
    if (code === wire.DISCONNECT_EXPIRED && !this.hooks.tokenExpired()) return this.close(code, reason);
    if (this.state === "connected") {
      if (this.environment.now() - this.connectedAt >= STABLE_AFTER) this.attempts = 0;
    }
    this.drop();
    this.retry(code, reason);
  }

  private startRound(): void {
    this.environment.clearTimeout(this.timer);
    this.suspended = false;
    this.retriedToken = false;
    this.state = "connecting";
    this.round = this.chooser.round().filter((name) => this.environment.transports[name]);
    if (!this.round.length) return this.close(wire.TRANSPORT_CLOSED, "this browser has none of the transports asked for");
    void this.tryNext();
  }

  private async tryNext(): Promise<void> {
    const name = this.round.shift();
    if (!name) {
      this.chooser.failed();
      return this.lost(wire.TRANSPORT_CLOSED, "no transport got through");
    }
    this.drop();
    const attempt = this.generation;
    this.transportName = name;
    this.change("connecting", wire.CONNECTING, "connecting");

    let request;
    try {
      request = await this.hooks.connectRequest();
    } catch (error) {
      if (attempt !== this.generation) return;
      const failure = error as PlanetError;
      this.hooks.onError(failure);
      if (failure.temporary) return this.lost(failure.code, failure.message);
      return this.close(failure.code, failure.message);
    }
    if (attempt !== this.generation) return;

    const fail = (reason: string) => {
      this.hooks.log(`${name} failed: ${reason}`);
      void this.tryNext();
    };
    const patience = this.settings.transportTimeout * 2 ** Math.min(this.attempts, 2);
    this.timer = this.environment.setTimeout(() => fail(`no reply within ${patience} ms`), patience);
    const command = this.commands.next("connect", request);
    try {
      this.transport = this.environment.transports[name]!(this.settings.url, command, {
        random: this.environment.random,
        onFrames: (frames) => attempt === this.generation && this.onFrames(frames, command.id!),
        onClose: ({ code, reason }) => {
          if (attempt !== this.generation) return;
          if (this.state === "connected") this.broken(code, reason);
          else if (code >= 3000) this.lost(code, reason);
          else fail(reason);
        },
      });
    } catch (error) {
      // A WebSocket constructor throws where the page's policy forbids it.
      fail((error as Error).message);
    }
  }

  private onFrames(frames: wire.Frame[], connectId: number): void {
    const attempt = this.generation;
    this.lastAlive = this.environment.now();
    for (const frame of frames) {
      // A handler of the page, or a disconnect among the frames, may have ended this connection.
      if (attempt !== this.generation) return;
      if (frame.id === connectId) this.onConnectReply(frame);
      else if (frame.id) this.commands.onReply(frame);
      else if (frame.push?.disconnect) this.lost(frame.push.disconnect.code, frame.push.disconnect.reason);
      else if (frame.push) this.hooks.onPush(frame.push);
      else if (this.answerPings) this.transport?.send([{}]);
    }
  }

  private onConnectReply(frame: wire.Frame): void {
    const { error, connect } = frame;
    if (error) {
      if (error.code === wire.TOKEN_EXPIRED && this.hooks.tokenExpired()) {
        if (!this.retriedToken) {
          this.retriedToken = true;
          this.round.unshift(this.transportName!);
          return void this.tryNext();
        }
        return this.lost(error.code, error.message);
      }
      this.hooks.onError(PlanetError.from(error));
      return error.temporary ? this.lost(error.code, error.message) : this.close(error.code, error.message);
    }
    if (!connect) return this.lost(wire.BAD_FRAME, "the reply to connect has no result");
    this.environment.clearTimeout(this.timer);
    this.chooser.worked(this.transportName!);
    this.clientId = connect.client;
    this.pingInterval = (connect.ping ?? 0) * 1000;
    this.answerPings = !!connect.pong;
    this.connectedAt = this.lastTick = this.environment.now();
    this.change("connected", wire.CONNECTING, "connected");
    if (this.state !== "connected") return;
    this.hooks.onConnected(connect);
    this.commands.start();
    this.tick();
  }

  /** An established transport broke by itself. */
  private broken(code: number, reason: string): void {
    // A proxy may let the way down through and not the way up, which WebSocket does not have apart.
    const oneWay = this.transportName !== "websocket" && code === wire.TRANSPORT_CLOSED && !this.commands.answered;
    if (oneWay && this.environment.now() - this.connectedAt < STABLE_AFTER) this.chooser.demote(this.transportName!);
    this.lost(code, reason);
  }

  /** Lets go of the transport, if there is one, and of everything that waits for it. */
  private drop(): void {
    const wasConnected = this.state === "connected";
    this.generation++;
    this.environment.clearTimeout(this.timer);
    this.environment.clearTimeout(this.ticker);
    this.transport?.close();
    this.transport = null;
    this.transportName = null;
    this.clientId = null;
    this.checking = false;
    this.state = "connecting";
    this.commands.stop(new PlanetError(wire.DISCONNECTED, "the connection was lost before the reply came", true));
    if (wasConnected) this.hooks.onLost();
  }

  private retry(code: number, reason: string): void {
    const { base, max } = this.settings.backoff;
    const pause = fullJitter(this.attempts++, base, max, this.environment.random);
    this.timer = this.environment.setTimeout(() => this.startRound(), pause);
    this.change("waiting", code, reason, pause);
  }

  private change(state: ConnectionState, code: number, reason: string, retryIn?: number): void {
    this.state = state;
    this.hooks.log([state, this.transportName, `(${code}: ${reason})`, retryIn === undefined ? "" : `retry in ${retryIn} ms`].filter(Boolean).join(" "));
    this.hooks.onState({ state, transport: this.transportName, code, reason, retryIn });
  }

  private tick(): void {
    const now = this.environment.now();
    const slept = now - this.lastTick > 2 * TICK;
    this.lastTick = now;
    const deadline = this.pingInterval ? this.lastAlive + this.pingInterval + PING_GRACE : Infinity;
    if (now >= deadline) return this.lost(wire.NO_PING, "the server was silent for too long");
    if (slept) this.check();
    this.ticker = this.environment.setTimeout(() => this.tick(), Math.min(TICK, deadline - now));
  }

  /** Asks the server for a sign of life, and reconnects when none comes soon. */
  private check(): void {
    if (this.checking) return;
    this.checking = true;
    const attempt = this.generation;
    const asked = this.environment.now();
    this.commands.send("ping", {}, () => {}, null);
    this.environment.setTimeout(() => {
      if (attempt !== this.generation) return;
      this.checking = false;
      if (this.lastAlive < asked) this.lost(wire.CHECK_FAILED, "the connection did not survive");
    }, CHECK_TIMEOUT);
  }

  private onPageEvent(event: PageEvent): void {
    this.hooks.log(`page: ${event}`);
    if (event === "suspend") {
      if (this.state === "closed") return;
      this.suspended = true;
      this.drop();
      this.change("waiting", wire.SUSPENDED, "the page is in the background cache");
    } else if (this.state === "connected") {
      this.check();
    } else if (this.state === "waiting") {
      if (event === "resume" || (!this.suspended && event !== "offline")) this.startRound();
    } else if (this.state === "connecting" && event === "online") {
      // What was tried while offline proves nothing about the transports.
      this.startRound();
    }
  }
}
