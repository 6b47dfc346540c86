// Where tuning runs keep what must survive: per run a journal, the answers, and the result once there is one.
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromJson, toJson } from "@bufbuild/protobuf";
import { type TuneResult, TuneResultSchema } from "@chimera/contracts/evaluator";
import { FailedPreconditionError } from "@chimera/kernel";
import { FileJournal } from "../tuner/index.ts";
import { AnswerLog } from "./answer-log.ts";
import { writeWhole } from "./guard-book.ts";

/** Runs that are kept, the latest; a resumed one counts from its last sign of life. */
const MAX_RUNS = 100;

export class TuningFiles {
  readonly #folder: string;
  /** Runs that go on in this process. */
  readonly #running = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws FailedPreconditionError where the run goes on already. Disposing lets it go. */
  take(runId: string): Disposable {
    if (this.#running.has(runId)) throw new FailedPreconditionError(`the tuning run ${runId} goes on here already`);
    this.#running.add(runId);
    return { [Symbol.dispose]: () => void this.#running.delete(runId) };
  }

  /** `plan` decides what is measured; the same id with another one is refused. */
  async open(runId: string, plan: unknown): Promise<{ journal: FileJournal; answers: AnswerLog }> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await this.#forgetOldest();
    const journal = await FileJournal.open(this.#path(runId, "journal"), plan);
    const answers = await AnswerLog.open(this.#path(runId, "answers"));
    return { journal, answers };
  }

  /** Of a run that ended; undefined where it did not. */
  async result(runId: string): Promise<TuneResult | undefined> {
    const text = await readFile(this.#path(runId, "result"), "utf8").catch(() => undefined);
    return text === undefined ? undefined : fromJson(TuneResultSchema, JSON.parse(text));
  }

  async keepResult(result: TuneResult): Promise<void> {
    await writeWhole(this.#path(result.runId, "result"), JSON.stringify(toJson(TuneResultSchema, result)));
  }

  async #forgetOldest(): Promise<void> {
    const journals = (await readdir(this.#folder)).filter((name) => name.endsWith(".journal"));
    if (journals.length < MAX_RUNS) return;
    const aged = await Promise.all(
      journals.map(async (name) => ({ name, changedMs: (await stat(join(this.#folder, name))).mtimeMs })),
    );
    const runs = aged.sort((a, b) => b.changedMs - a.changedMs).map(({ name }) => name.slice(0, -".journal".length));
    for (const run of runs.slice(MAX_RUNS - 1).filter((each) => !this.#running.has(each))) {
      for (const kind of KINDS) await rm(this.#path(run, kind), { force: true });
    }
  }

  #path(runId: string, kind: (typeof KINDS)[number]): string {
    return join(this.#folder, `${runId}.${kind}`);
  }
}

const KINDS = ["journal", "answers", "result"] as const;
