import { refreshDelay } from "./backoff";
import type { Environment, Timer } from "./environment";
import { PlanetError } from "./errors";
import { NO_TOKEN } from "./protocol";

/** Pause before a failed renewal is tried again: this much, and up to as much again. */
const RETRY_REFRESH = 5000;

/** A token, where new ones come from, and when the next is due. */
export class Token {
  private timer: Timer = null;
  private round = 0;

  constructor(
    private environment: Environment,
    private value: string | undefined,
    private source: (() => string | null | Promise<string | null>) | undefined,
  ) {}

  /** The token, fetched when there is none yet; undefined when none is configured. */
  async get(): Promise<string | undefined> {
    return this.value ?? (this.source ? this.fetch() : undefined);
  }

  /** Forgets an expired token. False when there is no source for another. */
  expire(): boolean {
    if (this.source) this.value = undefined;
    return !!this.source;
  }

  /**
   * Plans the renewal of a token that lives `ttl` more seconds. `send` takes the new token to the
   * server and resolves with the new life, or undefined when it does not end.
   */
  schedule(ttl: number | undefined, send: (token: string) => Promise<number | undefined>, onError: (error: PlanetError) => void): void {
    this.cancel();
    if (!ttl || !this.source) return;
    const round = this.round;
    const renew = async () => {
      try {
        const token = await this.fetch();
        if (round !== this.round) return;
        const next = await send(token);
        if (round === this.round) this.schedule(next, send, onError);
      } catch (error) {
        if (round !== this.round) return;
        onError(error as PlanetError);
        if ((error as PlanetError).temporary) {
          this.timer = this.environment.setTimeout(renew, RETRY_REFRESH * (1 + this.environment.random()));
        }
      }
    };
    this.timer = this.environment.setTimeout(renew, refreshDelay(ttl));
  }

  cancel(): void {
    this.round++;
    this.environment.clearTimeout(this.timer);
  }

  private async fetch(): Promise<string> {
    let token;
    try {
      token = await this.source!();
    } catch (error) {
      throw new PlanetError(NO_TOKEN, `no token: ${(error as Error)?.message ?? error}`, true);
    }
    if (!token) throw new PlanetError(NO_TOKEN, "no token: refused by the page's own token source");
    return (this.value = token);
  }
}
