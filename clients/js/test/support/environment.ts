import type { Environment, PageEvent } from "../../src/environment";
import type { Command, Frame } from "../../src/protocol";
import type { Transport, TransportHandlers } from "../../src/transports/transport";
import type { TransportName } from "../../src/types";

/** Lets every promise that is ready settle. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

interface Alarm {
  at: number;
  callback: () => void;
}

/** A transport in the test's hands: shows what the client sent, and says what the server answers. */
export class FakeTransport implements Transport {
  sent: Command[] = [];
  closed = false;

  constructor(
    readonly name: TransportName,
    readonly url: string,
    readonly connect: Command,
    private handlers: TransportHandlers,
  ) {}

  send(commands: Command[]): void {
    this.sent.push(...commands);
  }

  close(): void {
    this.closed = true;
  }

  async receive(...frames: Frame[]): Promise<void> {
    if (!this.closed) this.handlers.onFrames(frames);
    await settle();
  }

  async fail(code = 2, reason = "broken"): Promise<void> {
    if (!this.closed) this.handlers.onClose({ code, reason });
    await settle();
  }

  accept(result: object = {}): Promise<void> {
    return this.receive({ id: this.connect.id, connect: { client: "c1", ping: 25, pong: true, ...result } });
  }

  /** The newest command of a method that was sent. */
  last(method: string): { id: number; params: Record<string, unknown> } {
    const command = this.sent.filter((sent) => method in sent).pop();
    if (!command) throw new Error(`no ${method} among ${JSON.stringify(this.sent)}`);
    return { id: command.id!, params: command[method] as Record<string, unknown> };
  }

  count(method: string): number {
    return this.sent.filter((sent) => method in sent).length;
  }

  reply(method: string, result: object = {}): Promise<void> {
    return this.receive({ id: this.last(method).id, [method]: result });
  }

  refuse(method: string, code: number, temporary = false): Promise<void> {
    return this.receive({ id: this.last(method).id, error: { code, message: `error ${code}`, temporary } });
  }

  publish(channel: string, data: unknown, offset?: number): Promise<void> {
    return this.receive({ push: { channel, pub: { data, offset } } });
  }
}

/** A world in which time moves only when the test says so. */
export class FakeEnvironment implements Environment {
  time = 1_000_000;
  /** What random() gives; 1 would be outside its range, but makes pauses exactly their ceiling. */
  chance = 1;
  stored = new Map<string, string>();
  opened: FakeTransport[] = [];
  transports: Environment["transports"] = {};

  private alarms = new Set<Alarm>();
  private pageListener: ((event: PageEvent) => void) | null = null;

  constructor(names: TransportName[] = ["websocket", "http_stream", "sse", "long_poll"]) {
    for (const name of names) {
      this.transports[name] = (url, connect, handlers) => {
        const transport = new FakeTransport(name, url, connect, handlers);
        this.opened.push(transport);
        return transport;
      };
    }
  }

  now = () => this.time;
  random = () => this.chance;

  setTimeout(callback: () => void, milliseconds: number): Alarm {
    const alarm = { at: this.time + milliseconds, callback };
    this.alarms.add(alarm);
    return alarm;
  }

  clearTimeout(alarm: unknown): void {
    this.alarms.delete(alarm as Alarm);
  }

  storage() {
    return {
      getItem: (key: string) => this.stored.get(key) ?? null,
      setItem: (key: string, value: string) => void this.stored.set(key, value),
      removeItem: (key: string) => void this.stored.delete(key),
    };
  }

  onPageEvent(callback: (event: PageEvent) => void): () => void {
    this.pageListener = callback;
    return () => (this.pageListener = null);
  }

  async page(event: PageEvent): Promise<void> {
    this.pageListener?.(event);
    await settle();
  }

  /** Moves time on, firing alarms in order. */
  async advance(milliseconds: number): Promise<void> {
    const until = this.time + milliseconds;
    await settle();
    for (;;) {
      const next = [...this.alarms].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.alarms.delete(next);
      this.time = Math.max(this.time, next.at);
      next.callback();
      await settle();
    }
    this.time = until;
  }

  /** The device sleeps: time passes and nothing fires. */
  sleep(milliseconds: number): void {
    this.time += milliseconds;
  }

  get transport(): FakeTransport {
    const last = this.opened[this.opened.length - 1];
    if (!last) throw new Error("no transport was opened");
    return last;
  }

  get names(): TransportName[] {
    return this.opened.map(({ name }) => name);
  }
}
