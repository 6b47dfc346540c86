// The thread that owns the SQLite file: node:sqlite blocks while the disk works, and here nobody waits for it but the writes.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { EntryFacts } from "../index/entry.ts";
import type { AnswerMessage, CallMessage, CallName, Calls, ThreadData } from "./sqlite-protocol.ts";
import { SqliteTable } from "./sqlite-table.ts";

const FACTS_PER_PAGE = 1000;

function handlers({ path, namespace }: ThreadData): Calls {
  let open: SqliteTable | undefined;
  let facts: Iterator<EntryFacts> | undefined;
  const table = (): SqliteTable => {
    open ??= new SqliteTable(path, namespace);
    return open;
  };
  return {
    open: () => {
      table();
    },
    get: (key) => table().get(key),
    write: (batch) => table().write(batch),
    noteUses: (uses) => table().noteUses(uses),
    nextFacts: () => {
      facts ??= table().facts();
      const page = take(facts, FACTS_PER_PAGE);
      if (page.length === 0) facts = undefined;
      return page;
    },
    clear: () => table().clear(),
    close: () => {
      open?.close();
      open = undefined;
    },
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
  const calls = handlers(data);
  port.on("message", (message: CallMessage) => {
    let answer: AnswerMessage;
    try {
      answer = { id: message.id, result: answerTo(calls, message) };
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
