import { BAD_FRAME, encodeBatches, parseFrames, TRANSPORT_CLOSED } from "../protocol";
import type { OpenTransport } from "./transport";

/** WebSocket: text messages of newline-separated frames; the close frame carries the disconnect code. */
export const webSocket: OpenTransport = (url, connect, handlers) => {
  let open = true;
  const socket = new WebSocket(url.replace(/^http/, "ws") + "/connection/websocket");
  const end = (code: number, reason: string) => {
    if (!open) return;
    open = false;
    socket.close();
    handlers.onClose({ code, reason });
  };
  socket.onopen = () => {
    if (open) socket.send(JSON.stringify(connect));
  };
  socket.onmessage = (event) => {
    if (!open) return;
    let frames;
    try {
      frames = parseFrames(String(event.data));
    } catch {
      return end(BAD_FRAME, "the server sent something that is not JSON");
    }
    handlers.onFrames(frames);
  };
  socket.onclose = (event) => {
    // Below 3000 are the protocol's own codes, such as 1006 for a broken connection: they advise nothing.
    if (event.code >= 3000) end(event.code, event.reason);
    else end(TRANSPORT_CLOSED, event.reason || `WebSocket closed with ${event.code}`);
  };
  return {
    send(commands) {
      for (const batch of encodeBatches(commands)) socket.send(batch);
    },
    close() {
      open = false;
      socket.close();
    },
  };
};
