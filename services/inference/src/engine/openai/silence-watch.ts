// Gives up on a server that is silent for too long. It runs only while we wait for the server, never while our own reader is
// the slow one.
import { ServerSilentError } from "./failure.ts";

export class SilenceWatch {
  readonly #silent = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** Aborts with a ServerSilentError. */
  get signal(): AbortSignal {
    return this.#silent.signal;
  }

  /** The next byte has to come within this time. */
  expect(withinMs: number): void {
    this.relax();
    this.#timer = setTimeout(() => {
      this.#silent.abort(new ServerSilentError(`the model server sent nothing for ${withinMs} ms`));
    }, withinMs);
  }

  relax(): void {
    clearTimeout(this.#timer);
  }
}
