import type { Environment } from "./environment";
import type { TransportName } from "./types";

/** How long a transport that worked is preferred over those before it. */
const REMEMBERED_FOR = 60 * 60 * 1000;
/** Rounds in which only the transport that worked on this page is tried, before the others are. */
const LOYAL_ROUNDS = 2;

/**
 * Which transports to try next, and in which order.
 *
 * A server that restarts fails every transport alike, and a client that fell back then would stay
 * on a worse one for no reason. So a transport that worked on this page is tried alone at first.
 */
export class TransportChooser {
  private preferred: { name: TransportName; until: number } | null = null;
  private proven = false;
  private failedRounds = 0;
  private key: string;

  constructor(
    private order: TransportName[],
    private environment: Environment,
    url: string,
    private remember: boolean,
  ) {
    this.key = "planet.transport:" + url;
    this.preferred = this.load();
  }

  /** The transports of one round. */
  round(): TransportName[] {
    const { preferred } = this;
    if (!preferred || !this.order.includes(preferred.name) || preferred.until <= this.environment.now()) return this.order;
    if (this.proven) return this.failedRounds < LOYAL_ROUNDS ? [preferred.name] : this.order;
    return [preferred.name, ...this.order.filter((name) => name !== preferred.name)];
  }

  worked(name: TransportName): void {
    const first = name === this.order[0];
    this.proven = true;
    this.failedRounds = 0;
    this.preferred = { name, until: first ? Infinity : this.environment.now() + REMEMBERED_FOR };
    this.save(first ? null : this.preferred);
  }

  failed(): void {
    this.failedRounds++;
  }

  /** Puts a transport last that connects and then breaks on its first commands. */
  demote(name: TransportName): void {
    this.order = [...this.order.filter((other) => other !== name), name];
    this.preferred = null;
    this.save(null);
  }

  private load(): { name: TransportName; until: number } | null {
    try {
      const text = this.remember && this.environment.storage()?.getItem(this.key);
      return text ? JSON.parse(text) : null;
    } catch {
      return null;
    }
  }

  private save(value: object | null): void {
    if (!this.remember) return;
    // Storage may be full or forbidden; then the next page finds out anew.
    try {
      if (value) this.environment.storage()?.setItem(this.key, JSON.stringify(value));
      else this.environment.storage()?.removeItem(this.key);
    } catch {}
  }
}
