type Handler = (event: never) => void;

/** Calls a page's handler so that an exception in it reaches the page's error reporting and not our state. */
export function callSafely<E>(handler: ((event: E) => void) | undefined, event: E): void {
  if (!handler) return;
  try {
    handler(event);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

/** Named events with any number of handlers. */
export class Emitter<Events> {
  private handlers = new Map<keyof Events, Set<Handler>>();

  on<E extends keyof Events>(event: E, handler: (event: Events[E]) => void): () => void {
    let set = this.handlers.get(event);
    if (!set) this.handlers.set(event, (set = new Set()));
    // A wrapper of its own for each registration, so that the same function may be registered twice.
    const entry = ((value: Events[E]) => handler(value)) as Handler;
    set.add(entry);
    return () => void set.delete(entry);
  }

  emit<E extends keyof Events>(event: E, value: Events[E]): void {
    for (const handler of [...(this.handlers.get(event) ?? [])]) {
      callSafely(handler as (event: Events[E]) => void, value);
    }
  }
}
