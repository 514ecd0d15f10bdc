import { fullJitter } from "../backoff";
import { type Command, type Frame, TRANSPORT_CLOSED } from "../protocol";
import type { OpenTransport } from "./transport";

interface PollReply {
  session?: string;
  cursor: number;
  frames: Frame[];
}

const RETRY_BASE = 250;
const RETRY_MAX = 4000;
const COMMANDS_IN_POLL = 32;

/**
 * Long polling: a request that the server holds until there are frames.
 *
 * The cursor that a poll carries acknowledges every frame before it. When a response is lost, the
 * next poll carries the old cursor and the server sends those frames again. Only the newest
 * request's response is read: the server answers an older one without frames, or its frames come
 * again with the newer one, so nothing is taken twice. Commands are never sent again, since the
 * server may have carried them out already; and while some are on their way no newer request
 * overtakes them, so that they arrive in order. Their replies end that poll at once.
 */
export const longPoll: OpenTransport = (url, connect, handlers) => {
  const abort = new AbortController();
  let session = "";
  let cursor = 0;
  let newest = 0;
  let failures = 0;
  const queue: Command[] = [];
  let scheduled = false;
  let carrying = false;

  const end = (reason: string) => {
    if (abort.signal.aborted) return;
    abort.abort();
    handlers.onClose({ code: TRANSPORT_CLOSED, reason });
  };

  const post = async (body: string): Promise<PollReply | number> => {
    const response = await fetch(url + "/connection/long_poll", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      cache: "no-store",
      signal: abort.signal,
    });
    return response.ok ? ((await response.json()) as PollReply) : response.status;
  };

  const poll = async (): Promise<void> => {
    const request = ++newest;
    const commands = queue.splice(0, COMMANDS_IN_POLL);
    carrying = commands.some((command) => command.id !== undefined);
    const body = JSON.stringify({ session, cursor, commands: commands.length ? commands : undefined });
    const reply = await post(body).catch(() => null);
    if (abort.signal.aborted || request !== newest) return;
    carrying = false;
    if (reply === null || (typeof reply === "number" && reply >= 500)) {
      // The connection's own deadline for a sign of life ends this, when it goes on for too long.
      const pause = fullJitter(failures++, RETRY_BASE, RETRY_MAX, handlers.random);
      setTimeout(() => request === newest && !abort.signal.aborted && void poll(), pause);
      return;
    }
    if (typeof reply === "number") return end(`long polling: status ${reply}`);
    failures = 0;
    cursor = reply.cursor;
    handlers.onFrames(reply.frames);
    if (!abort.signal.aborted && request === newest) void poll();
  };

  // Commands given in one turn of the event loop leave in one request.
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    queueMicrotask(() => {
      scheduled = false;
      if (session && queue.length && !carrying && !abort.signal.aborted) void poll();
    });
  };

  const open = async () => {
    const reply = await post(JSON.stringify(connect));
    if (abort.signal.aborted) return;
    if (typeof reply === "number") return end(`long polling: status ${reply}`);
    session = reply.session ?? "";
    cursor = reply.cursor;
    handlers.onFrames(reply.frames);
    if (!abort.signal.aborted) void poll();
  };
  open().catch((error: Error) => end(`long polling: ${error.message}`));

  return {
    send(commands) {
      queue.push(...commands);
      schedule();
    },
    close: () => abort.abort(),
  };
};
