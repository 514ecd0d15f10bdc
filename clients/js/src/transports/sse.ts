import { BAD_FRAME, parseFrames, TRANSPORT_CLOSED } from "../protocol";
import { EmulationSender } from "./emulation";
import type { OpenTransport } from "./transport";

/** Server-sent events: frames in `data:`; the connect command in the query, commands to `/emulation`. */
export const sse: OpenTransport = (url, connect, handlers) => {
  const abort = new AbortController();
  const source = new EventSource(url + "/connection/sse?cf_connect=" + encodeURIComponent(JSON.stringify(connect)));
  const close = () => {
    abort.abort();
    source.close();
  };
  const end = (code: number, reason: string) => {
    if (abort.signal.aborted) return;
    close();
    handlers.onClose({ code, reason });
  };
  const sender = new EmulationSender(url, abort.signal, ({ code, reason }) => end(code, reason));
  source.onmessage = (event) => {
    if (abort.signal.aborted) return;
    let frames;
    try {
      frames = parseFrames(event.data as string);
    } catch {
      return end(BAD_FRAME, "the server sent something that is not JSON");
    }
    for (const frame of frames) if (frame.connect) sender.adopt(frame.connect);
    handlers.onFrames(frames);
  };
  // EventSource would repeat the old connect command by itself; a new one needs new positions.
  source.onerror = () => end(TRANSPORT_CLOSED, "SSE: the stream broke");
  return { send: (commands) => sender.send(commands), close };
};
