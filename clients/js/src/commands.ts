import type { Environment, Timer } from "./environment";
import { PlanetError } from "./errors";
import * as wire from "./protocol";

/** Called once: with the reply's frame, or with the reason why there is none. */
export type Done = (error: PlanetError | null, frame: wire.Frame) => void;

interface Pending {
  done: Done;
  timer: Timer;
}

interface Waiting extends Pending {
  method: string;
  params: object;
}

/** Commands waiting for the connection or for a reply, at most. */
const MOST_COMMANDS = 1000;

/** Numbers commands, sends those of one turn together, and matches replies with them. */
export class Commands {
  /** True once any command but connect was answered on the present connection. */
  answered = false;

  private lastId = 0;
  private pending = new Map<number, Pending>();
  private waiting = new Set<Waiting>();
  private batch: wire.Command[] = [];
  private connected = false;

  constructor(
    private environment: Environment,
    private timeout: number,
    private transmit: (commands: wire.Command[]) => void,
  ) {}

  /** The next command, for sending by other means. */
  next(method: string, params: object): wire.Command {
    return { id: ++this.lastId, [method]: params };
  }

  /**
   * Sends on the present connection. `done` is called synchronously with the reply, before
   * anything that came after it. A `timeout` of null waits as long as the connection lasts.
   */
  send(method: string, params: object, done: Done, timeout: number | null = this.timeout): void {
    const command = this.next(method, params);
    const id = command.id!;
    const timer =
      timeout === null
        ? null
        : this.environment.setTimeout(() => {
            this.pending.delete(id);
            done(new PlanetError(wire.TIMEOUT, `no reply to ${method} within ${timeout} ms`, true), {});
          }, timeout);
    this.pending.set(id, { done, timer });
    this.batch.push(command);
    if (this.batch.length === 1) queueMicrotask(() => this.flush());
  }

  /** Sends now, or as soon as there is a connection. Rejects with a PlanetError. */
  request(method: string, params: object): Promise<wire.Frame> {
    return new Promise((resolve, reject) => {
      const done: Done = (error, frame) => (error ? reject(error) : resolve(frame));
      if (this.pending.size + this.waiting.size >= MOST_COMMANDS) {
        return reject(new PlanetError(wire.TOO_MANY_COMMANDS, `more than ${MOST_COMMANDS} commands are waiting`, true));
      }
      if (this.connected) return this.send(method, params, done);
      const waiting: Waiting = { method, params, done, timer: null };
      waiting.timer = this.environment.setTimeout(() => {
        this.waiting.delete(waiting);
        reject(new PlanetError(wire.TIMEOUT, `no connection within ${this.timeout} ms`, true));
      }, this.timeout);
      this.waiting.add(waiting);
    });
  }

  onReply(frame: wire.Frame): void {
    const pending = this.pending.get(frame.id!);
    if (!pending) return;
    this.answered = true;
    this.pending.delete(frame.id!);
    this.environment.clearTimeout(pending.timer);
    pending.done(frame.error ? PlanetError.from(frame.error) : null, frame);
  }

  /** The connection is up: sends what waited for it. */
  start(): void {
    this.connected = true;
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const { method, params, done, timer } of waiting) {
      this.environment.clearTimeout(timer);
      this.send(method, params, done);
    }
  }

  /** The connection is gone, and with it every reply still expected. What waits to be sent goes on waiting. */
  stop(error: PlanetError): void {
    this.connected = this.answered = false;
    this.batch = [];
    const pending = [...this.pending.values()];
    this.pending.clear();
    for (const { done, timer } of pending) {
      this.environment.clearTimeout(timer);
      done(error, {});
    }
  }

  /** Gives up also what waits to be sent. */
  rejectAll(error: PlanetError): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const { done, timer } of waiting) {
      this.environment.clearTimeout(timer);
      done(error, {});
    }
  }

  private flush(): void {
    const batch = this.batch;
    this.batch = [];
    if (batch.length) this.transmit(batch);
  }
}
