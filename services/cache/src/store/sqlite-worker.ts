// The thread that owns the SQLite file: node:sqlite blocks while the disk works, and here nobody waits for it but the writes.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { isDamage, putAside, wasDatabase } from "./damaged-file.ts";
import type { AnswerMessage, CallMessage, CallName, Calls, NoteMessage, ThreadData } from "./sqlite-protocol.ts";
import { SqliteTable } from "./sqlite-table.ts";
import type { KeptFacts } from "./store.ts";

const FACTS_PER_PAGE = 1000;

/** The table, and a new one in its place where the file turns out to be damaged. */
class OpenFile {
  readonly #data: ThreadData;
  readonly #note: (note: string) => void;
  #table: SqliteTable | undefined;
  #facts: Iterator<KeptFacts> | undefined;

  constructor(data: ThreadData, note: (note: string) => void) {
    this.#data = data;
    this.#note = note;
  }

  get table(): SqliteTable {
    this.#table ??= new SqliteTable(this.#data.path, this.#data.namespace);
    return this.#table;
  }

  nextFacts(): readonly KeptFacts[] {
    this.#facts ??= this.table.facts();
    const page = take(this.#facts, FACTS_PER_PAGE);
    if (page.length === 0) this.#facts = undefined;
    return page;
  }

  close(): void {
    this.#facts = undefined;
    this.#table?.close();
    this.#table = undefined;
  }

  /** Runs a call; where the file is damaged, once more on a new file. Answers can be made again, a cache that is down can not serve. */
  guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      if (!isDamage(error) || !wasDatabase(this.#data.path)) throw error;
      this.close();
      const aside = putAside(this.#data.path);
      const why = error instanceof Error ? error.message : String(error);
      this.#note(`${this.#data.path} was damaged (${why}); it was moved to ${aside} and a new one begun`);
      return run();
    }
  }
}

function handlers(file: OpenFile): Calls {
  return {
    open: () => {
      file.table;
    },
    get: (key) => file.table.get(key),
    write: (batch) => file.table.write(batch),
    noteUses: (uses) => file.table.noteUses(uses),
    mark: (keys, prunedAtMs) => file.table.mark(keys, prunedAtMs),
    nextFacts: () => file.nextFacts(),
    clear: () => file.table.clear(),
    close: () => file.close(),
  };
}

function take<T>(source: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const step = source.next();
    if (step.done) break;
    taken.push({ ...step.value });
  }
  return taken;
}

function serve(port: MessagePort, data: ThreadData): void {
  const file = new OpenFile(data, (note) => port.postMessage({ note } satisfies NoteMessage));
  const calls = handlers(file);
  port.on("message", (message: CallMessage) => {
    let answer: AnswerMessage;
    try {
      answer = { id: message.id, result: file.guarded(() => answerTo(calls, message)) };
    } catch (error) {
      answer = { id: message.id, error: error instanceof Error ? error.message : String(error) };
    }
    port.postMessage(answer);
    if (message.name === "close") port.close();
  });
}

function answerTo<N extends CallName>(calls: Calls, { name, args }: CallMessage<N>): unknown {
  const call = calls[name] as (...given: Parameters<Calls[N]>) => unknown;
  return call(...args);
}

if (parentPort !== null) serve(parentPort, workerData as ThreadData);
