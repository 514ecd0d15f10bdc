import type { Command, Ended, Frame } from "../../src/protocol";
import { settle } from "./environment";

/** One request that the test answers. */
export interface Request {
  url: string;
  body: any;
  aborted: boolean;
  json(value: unknown, status?: number): Promise<void>;
  /** Answers with a body that goes on until `end`. */
  stream(): Promise<{ write(text: string): Promise<void>; end(): Promise<void> }>;
  /** The connection breaks: the response, if there is one, does not arrive. */
  lose(): Promise<void>;
}

/** Stands in for `fetch` until the test ends; requests collect in the order in which they were made. */
export function fakeFetch(t: { mock: { method: Function } }): Request[] {
  const requests: Request[] = [];
  t.mock.method(globalThis, "fetch", (url: string, { body, signal }: { body: string; signal: AbortSignal }) => {
    return new Promise<Response>((resolve, reject) => {
      const answer = async (response: Response) => {
        resolve(response);
        await settle();
      };
      const request: Request = {
        url,
        body: JSON.parse(body),
        aborted: false,
        json: (value, status = 200) => answer(new Response(JSON.stringify(value), { status })),
        stream: async () => {
          let controller!: ReadableStreamDefaultController;
          const stream = new ReadableStream({ start: (given) => void (controller = given) });
          await answer(new Response(stream));
          const write = async (text: string) => {
            controller.enqueue(new TextEncoder().encode(text));
            await settle();
          };
          const end = async () => {
            controller.close();
            await settle();
          };
          return { write, end };
        },
        lose: async () => {
          reject(new TypeError("network"));
          await settle();
        },
      };
      signal.addEventListener("abort", () => {
        request.aborted = true;
        reject(new DOMException("aborted", "AbortError"));
      });
      requests.push(request);
    });
  });
  return requests;
}

/** Handlers that write down what a transport tells. */
export function recorder() {
  const frames: Frame[] = [];
  const ends: Ended[] = [];
  return {
    frames,
    ends,
    onFrames: (more: Frame[]) => void frames.push(...more),
    onClose: (ended: Ended) => void ends.push(ended),
    random: () => 0,
  };
}

export const CONNECT: Command = { id: 1, connect: { name: "test" } };
export const CONNECTED: Frame = { id: 1, connect: { client: "c", session: "S", node: "N" } };
