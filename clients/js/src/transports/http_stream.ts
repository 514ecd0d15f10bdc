import { BAD_FRAME, parseFrames, TRANSPORT_CLOSED } from "../protocol";
import { EmulationSender } from "./emulation";
import type { OpenTransport } from "./transport";

/** HTTP streaming: one POST whose response never ends, a frame a line; commands go to `/emulation`. */
export const httpStream: OpenTransport = (url, connect, handlers) => {
  const abort = new AbortController();
  const end = (code: number, reason: string) => {
    if (abort.signal.aborted) return;
    abort.abort();
    handlers.onClose({ code, reason });
  };
  const sender = new EmulationSender(url, abort.signal, ({ code, reason }) => end(code, reason));

  const take = (lines: string) => {
    if (abort.signal.aborted || !lines) return;
    let frames;
    try {
      frames = parseFrames(lines);
    } catch {
      return end(BAD_FRAME, "the server sent something that is not JSON");
    }
    for (const frame of frames) if (frame.connect) sender.adopt(frame.connect);
    handlers.onFrames(frames);
  };

  const read = async () => {
    const response = await fetch(url + "/connection/http_stream", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(connect),
      cache: "no-store",
      signal: abort.signal,
    });
    if (!response.ok || !response.body) return end(TRANSPORT_CLOSED, `HTTP streaming: status ${response.status}`);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      rest += done ? "" : decoder.decode(value, { stream: true });
      const newline = rest.lastIndexOf("\n") + 1;
      take(rest.slice(0, newline));
      rest = rest.slice(newline);
      if (done) return end(TRANSPORT_CLOSED, "HTTP streaming: the response ended");
    }
  };
  read().catch((error: Error) => end(TRANSPORT_CLOSED, `HTTP streaming: ${error.message}`));

  return {
    send: (commands) => sender.send(commands),
    close: () => abort.abort(),
  };
};
