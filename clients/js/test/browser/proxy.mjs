import { connect, createServer } from "node:net";

/** A TCP proxy before the server: it breaks connections for real, and may refuse WebSocket as some networks do. */
export class Proxy {
  /** Answer every WebSocket handshake with 403. */
  refusesWebSocket = false;

  #target;
  #sockets = new Set();
  #down = false;
  #server = createServer((socket) => this.#accept(socket));

  constructor(target) {
    this.#target = new URL(target);
  }

  async listen() {
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.#server.address().port}/`;
  }

  /** Breaks what is open, and whatever is tried until `restore()`. */
  cut() {
    this.#down = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  restore() {
    this.#down = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }

  #accept(socket) {
    this.#keep(socket);
    if (this.#down) return socket.resetAndDestroy();
    socket.once("data", (first) => {
      if (this.refusesWebSocket && /^upgrade: websocket/im.test(first.toString("latin1"))) {
        return socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      }
      const upstream = connect(Number(this.#target.port || 80), this.#target.hostname);
      this.#keep(upstream);
      upstream.write(first);
      socket.pipe(upstream).pipe(socket);
      socket.on("close", () => upstream.destroy());
      upstream.on("close", () => socket.destroy());
    });
  }

  #keep(socket) {
    this.#sockets.add(socket);
    // A broken connection is what this proxy is for.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }
}
