import { httpStream } from "./transports/http_stream";
import { longPoll } from "./transports/long_poll";
import { sse } from "./transports/sse";
import type { OpenTransport } from "./transports/transport";
import { webSocket } from "./transports/websocket";
import type { TransportName } from "./types";

/** What happened to the page that the connection should know about. */
export type PageEvent = "online" | "offline" | "visible" | "suspend" | "resume" | "network";

export type Timer = unknown;

/** Everything the client takes from the outside, so that tests can hold time and the network in their hands. */
export interface Environment {
  now(): number;
  random(): number;
  setTimeout(callback: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer): void;
  storage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> | null;
  /** The transports this browser is able to use. */
  transports: Partial<Record<TransportName, OpenTransport>>;
  /** Calls back on each page event; returns a function that stops it. */
  onPageEvent(callback: (event: PageEvent) => void): () => void;
}

function listenToPage(callback: (event: PageEvent) => void): () => void {
  const undo: (() => void)[] = [];
  const listen = (target: EventTarget | null | undefined, type: string, handler: (event: Event) => void) => {
    if (!target?.addEventListener) return;
    target.addEventListener(type, handler);
    undo.push(() => target.removeEventListener(type, handler));
  };
  const page = globalThis as unknown as Partial<Window>;
  const target = page.addEventListener ? (page as Window) : null;
  const connection = (page.navigator as { connection?: EventTarget } | undefined)?.connection;
  listen(target, "online", () => callback("online"));
  listen(target, "offline", () => callback("offline"));
  // An open connection keeps a page out of the back/forward cache, so let go of it on the way in.
  listen(target, "pagehide", () => callback("suspend"));
  listen(target, "pageshow", (event) => (event as PageTransitionEvent).persisted && callback("resume"));
  listen(page.document, "resume", () => callback("visible"));
  listen(page.document, "visibilitychange", () => page.document?.visibilityState === "visible" && callback("visible"));
  listen(connection, "change", () => callback("network"));
  return () => undo.forEach((stop) => stop());
}

/** The environment of a browser page or worker. */
export function browserEnvironment(): Environment {
  const transports: Environment["transports"] = {};
  if (typeof WebSocket !== "undefined") transports.websocket = webSocket;
  if (typeof fetch !== "undefined") {
    if (typeof ReadableStream !== "undefined") transports.http_stream = httpStream;
    if (typeof EventSource !== "undefined") transports.sse = sse;
    transports.long_poll = longPoll;
  }
  return {
    now: () => Date.now(),
    random: () => Math.random(),
    setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    storage: () => {
      // Reading the property throws where a page may not store anything.
      try {
        return globalThis.localStorage ?? null;
      } catch {
        return null;
      }
    },
    transports,
    onPageEvent: listenToPage,
  };
}
