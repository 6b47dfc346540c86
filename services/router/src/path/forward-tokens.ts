// Stage 5: hands the parts on as they come, times them, and keeps a copy of the answer for the cache.
import { create } from "@bufbuild/protobuf";
import { type StoredAnswer, StoredAnswerSchema } from "@chimera/contracts/cache";
import type { GenerateResponse } from "@chimera/contracts/common";
import { type ChimeraError, UnavailableError } from "@chimera/kernel";
import { fromConnectError } from "@chimera/rpc";
import type { Outcome } from "../measure/outcome.ts";

/** Text kept for the cache; a longer answer is forwarded but not stored. */
const MAX_COPY_CHARACTERS = 1024 * 1024;

/** Collects a whole answer, or nothing. */
export class AnswerCopy {
  readonly #answer: StoredAnswer = create(StoredAnswerSchema);
  #characters = 0;

  add({ part }: GenerateResponse): void {
    if (part.case === "complete") this.#answer.complete = part.value;
    if (part.case !== "delta") return;
    this.#characters += part.value.text.length;
    if (this.#characters <= MAX_COPY_CHARACTERS) this.#answer.deltas.push(part.value);
    else this.#answer.deltas.length = 0;
  }

  whole(ttftMs: number | undefined): StoredAnswer | undefined {
    if (!this.#answer.complete || this.#characters > MAX_COPY_CHARACTERS) return undefined;
    this.#answer.ttftMs = ttftMs ?? 0;
    return this.#answer;
  }
}

export interface ForwardOptions {
  replicaName: string;
  outcome: Outcome;
  copy: AnswerCopy;
}

/** Yields deltas, then complete. Throws UnavailableError where the replica is lost before it. */
export async function* forwardTokens(
  upstream: AsyncIterable<GenerateResponse>,
  { replicaName, outcome, copy }: ForwardOptions,
): AsyncGenerator<GenerateResponse> {
  try {
    for await (const response of upstream) {
      if (response.part.case === "accepted") continue;
      outcome.part(response);
      copy.add(response);
      yield response;
      if (response.part.case === "complete") return;
    }
  } catch (error) {
    throw lost(replicaName, fromConnectError(error));
  }
  throw lost(replicaName);
}

/** What the connection to a replica says of its end is for the log; callers get to know which replica it was. */
function lost(replicaName: string, cause?: ChimeraError): ChimeraError {
  if (cause && cause.kind !== "unavailable" && cause.kind !== "internal") return cause;
  return new UnavailableError(`${replicaName} was lost in the middle of the answer`, { cause });
}
