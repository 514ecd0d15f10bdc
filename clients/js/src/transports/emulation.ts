import { type Command, type ConnectResult, encodeBatches, TRANSPORT_CLOSED, type Ended } from "../protocol";

/**
 * The way up for transports that only bring frames down: `POST /emulation`.
 *
 * One request at a time, because two at once may be handled in either order; commands that come
 * meanwhile leave together in the next. A request that fails ends the transport: whether the
 * server saw its commands is unknown, and sending them again could publish twice.
 */
export class EmulationSender {
  private session = "";
  private node = "";
  private queue: string[] = [];
  private busy = false;

  constructor(
    private url: string,
    private signal: AbortSignal,
    private onFailure: (ended: Ended) => void,
  ) {}

  /** Takes the session from the connect reply; commands wait for it. */
  adopt(result: ConnectResult): void {
    this.session = result.session ?? "";
    this.node = result.node ?? "";
    this.pump();
  }

  send(commands: Command[]): void {
    for (const batch of encodeBatches(commands)) this.queue.push(batch);
    this.pump();
  }

  private async pump(): Promise<void> {
    if (this.busy || !this.session) return;
    this.busy = true;
    try {
      for (let batch = this.queue.shift(); batch !== undefined; batch = this.queue.shift()) {
        const response = await fetch(this.url + "/emulation", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ session: this.session, node: this.node, data: batch }),
          signal: this.signal,
        });
        if (!response.ok) throw new Error(`status ${response.status}`);
      }
    } catch (error) {
      if (!this.signal.aborted) this.onFailure({ code: TRANSPORT_CLOSED, reason: `POST /emulation: ${(error as Error).message}` });
    }
    this.busy = false;
  }
}
