// A TypeScript file as a process of its own that is given commands over a channel and answers them.
import { fileURLToPath } from "node:url";
import { inheritedEnv } from "@chimera/supervisor";
import { type Child, startChild } from "../proxies/child.ts";

/** What a worker can do, by name. Input and result must survive a structured clone. */
export type Commands = Record<string, (input: never) => unknown>;
type Input<F> = F extends (input: infer I) => unknown ? I : never;
type Result<F> = F extends (input: never) => infer R ? Awaited<R> : never;

export interface Worker<C extends Commands> {
  readonly name: string;
  readonly pid: number;
  /** Rejects with the command's error, where the process ends first, or where the signal aborts. */
  ask<K extends keyof C & string>(command: K, input: Input<C[K]>, signal?: AbortSignal): Promise<Result<C[K]>>;
  /** What the worker says without being asked. */
  onNote(listener: (note: unknown) => void): void;
  stop(): Promise<void>;
}

type Order = { id: number; command: string; input: unknown };
type Reply = { id: number; result: unknown } | { id: number; error: string } | { note: unknown };

export async function startWorker<C extends Commands>(
  name: string,
  file: URL,
  env: Readonly<Record<string, string>> = {},
): Promise<Worker<C>> {
  const child = await startChild({
    name,
    command: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", fileURLToPath(file)],
    env: { ...inheritedEnv(), ...env },
    channel: true,
  });
  return new ChildWorker(child);
}

class ChildWorker<C extends Commands> implements Worker<C> {
  readonly name: string;
  readonly pid: number;
  readonly #child: Child;
  readonly #pending = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  readonly #listeners: ((note: unknown) => void)[] = [];
  #lastId = 0;

  constructor(child: Child) {
    this.name = child.name;
    this.pid = child.pid;
    this.#child = child;
    child.process.on("message", (reply: Reply) => this.#hear(reply));
    void child.exited.then(() => {
      const wrote = child.output() || "nothing";
      for (const { reject } of this.#pending.values()) reject(new Error(`${this.name} has ended. It wrote:\n${wrote}`));
    });
  }

  async ask<K extends keyof C & string>(command: K, input: Input<C[K]>, signal?: AbortSignal): Promise<Result<C[K]>> {
    signal?.throwIfAborted();
    if (this.#child.isOver) throw new Error(`${this.name} has ended. It wrote:\n${this.#child.output() || "nothing"}`);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const leave = () => reject(signal?.reason);
    signal?.addEventListener("abort", leave, { once: true });
    this.#pending.set(id, { resolve, reject });
    try {
      this.#child.process.send({ id, command, input } satisfies Order);
      return (await promise) as Result<C[K]>;
    } finally {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", leave);
    }
  }

  onNote(listener: (note: unknown) => void): void {
    this.#listeners.push(listener);
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #hear(reply: Reply): void {
    if ("note" in reply) for (const listener of this.#listeners) listener(reply.note);
    else if ("error" in reply) this.#pending.get(reply.id)?.reject(new Error(`${this.name}: ${reply.error}`));
    else this.#pending.get(reply.id)?.resolve(reply.result);
  }
}

/** Called once in the worker's own process, which ends with the one that started it. */
export function serveCommands(commands: Commands): void {
  process.once("disconnect", () => process.exit());
  process.on("message", (order: Order) => void answer(commands, order));
}

async function answer(commands: Commands, { id, command, input }: Order): Promise<void> {
  try {
    const run = commands[command] as ((input: unknown) => unknown) | undefined;
    if (run === undefined) throw new Error(`there is no command ${command}`);
    send({ id, result: await run(input) });
  } catch (error) {
    send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

/** Says something to the process that started this one. */
export function sendNote(note: unknown): void {
  send({ note });
}

function send(reply: Reply): void {
  process.send?.(reply, () => undefined);
}
