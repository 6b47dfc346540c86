// The service's end of the SQLite thread: calls that answer as promises.
import { Worker } from "node:worker_threads";
import { Deferred, FailedPreconditionError } from "@chimera/kernel";
import type { AnswerMessage, CallName, Calls, NoteMessage, ThreadData } from "./sqlite-protocol.ts";

/** Calls that may wait for the thread; a further one fails at once. */
const MAX_CALLS = 4096;

export class SqliteThread {
  readonly #worker: Worker;
  /** At most MAX_CALLS. */
  readonly #calls = new Map<number, Deferred<unknown>>();
  #lastId = 0;
  #ended: Error | undefined;

  private constructor(data: ThreadData, onNote: (note: string) => void) {
    // execArgv: the flags of the service (telemetry, inspector) are not for this thread.
    this.#worker = new Worker(new URL("./sqlite-worker.ts", import.meta.url), { workerData: data, execArgv: [] });
    this.#worker.on("message", (message: AnswerMessage | NoteMessage) => {
      if ("note" in message) onNote(message.note);
      else this.#settle(message);
    });
    this.#worker.on("error", (error) => this.#end(new Error("the SQLite thread failed", { cause: error })));
    this.#worker.on("exit", () => this.#end(new Error("the SQLite thread has ended")));
  }

  /** Resolves when the file is open. Throws FailedPreconditionError that names file, problem and remedy. */
  static async open(data: ThreadData, onNote: (note: string) => void): Promise<SqliteThread> {
    const thread = new SqliteThread(data, onNote);
    try {
      await thread.call("open");
      return thread;
    } catch (error) {
      await thread.terminate();
      const why = error instanceof Error ? error.message : String(error);
      throw new FailedPreconditionError(
        `${data.path} can not be used as answer store: ${why}. Stop what else uses it, remove the file, or name another one.`,
        { cause: error },
      );
    }
  }

  call<N extends CallName>(name: N, ...args: Parameters<Calls[N]>): Promise<ReturnType<Calls[N]>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#calls.size >= MAX_CALLS)
      return Promise.reject(new Error(`${MAX_CALLS} calls wait for the SQLite thread`));
    this.#lastId += 1;
    const call = new Deferred<unknown>();
    this.#calls.set(this.#lastId, call);
    this.#worker.postMessage({ id: this.#lastId, name, args });
    return call.promise as Promise<ReturnType<Calls[N]>>;
  }

  /** Closes the file, then the thread. */
  async close(): Promise<void> {
    if (this.#ended === undefined) await this.call("close");
    await this.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: AnswerMessage): void {
    const call = this.#calls.get(answer.id);
    this.#calls.delete(answer.id);
    if ("error" in answer) call?.reject(new Error(answer.error));
    else call?.resolve(answer.result);
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
  }
}
