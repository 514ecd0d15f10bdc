import type { Command, Ended, Frame } from "../protocol";

/** What a transport tells the connection. Nothing is called after `close()`, and nothing after `onClose`. */
export interface TransportHandlers {
  /** Frames in order. An empty list is a sign of life without content. */
  onFrames(frames: Frame[]): void;
  /** The transport is gone, or never came up. */
  onClose(ended: Ended): void;
  /** For pauses between attempts of one transport. */
  random(): number;
}

/** One open way to the server. */
export interface Transport {
  /** Sends the commands in this order, after all those sent before. */
  send(commands: Command[]): void;
  /** Ends it quietly. */
  close(): void;
}

/** Opens a transport at `url` (no slash at the end) and sends the connect command first. */
export type OpenTransport = (url: string, connect: Command, handlers: TransportHandlers) => Transport;
