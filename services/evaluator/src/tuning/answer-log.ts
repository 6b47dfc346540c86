// What each trial answered to each item, beside the journal of scores: for figures over several trials that need labels. Written
// before the journal knows of a measurement, so it is never behind it; a line that was cut off is passed over.
import { appendFile, readFile } from "node:fs/promises";
import { z } from "zod";
import { type Configuration, keyOf } from "../tuner/index.ts";

const lineSchema = z.object({
  key: z.string(),
  answers: z.array(z.tuple([z.string(), z.string(), z.number()])),
});

export interface LoggedAnswer {
  predicted: string;
  score: number;
}

/** Beyond, nothing more is kept: figures that need all of it are left out then. */
const MAX_ANSWERS = 400_000;

export class AnswerLog {
  readonly #path: string;
  /** By configuration, then by item; at most 400,000 answers. */
  readonly #answers = new Map<string, Map<string, LoggedAnswer>>();
  #size = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  static async open(path: string): Promise<AnswerLog> {
    const log = new AnswerLog(path);
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    for (const line of text.split("\n")) {
      const parsed = lineSchema.safeParse(parsedJson(line));
      if (parsed.success) log.#note(parsed.data);
    }
    return log;
  }

  async add(configuration: Configuration, answers: readonly (LoggedAnswer & { itemId: string })[]): Promise<void> {
    if (this.#size + answers.length > MAX_ANSWERS) return;
    const line = {
      key: keyOf(configuration),
      answers: answers.map(({ itemId, predicted, score }): [string, string, number] => [itemId, predicted, score]),
    };
    this.#note(line);
    // A line end first: the last line may have been cut off.
    await appendFile(this.#path, `\n${JSON.stringify(line)}`);
  }

  find(configuration: Configuration, itemId: string): LoggedAnswer | undefined {
    return this.#answers.get(keyOf(configuration))?.get(itemId);
  }

  #note({ key, answers }: z.infer<typeof lineSchema>): void {
    const known = this.#answers.get(key) ?? new Map<string, LoggedAnswer>();
    this.#answers.set(key, known);
    for (const [itemId, predicted, score] of answers) known.set(itemId, { predicted, score });
    this.#size += answers.length;
  }
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
