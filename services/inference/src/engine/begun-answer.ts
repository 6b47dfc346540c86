// Going on behind an answer that another replica began: what can be checked of it, and how its text is not sent twice.
import { FailedPreconditionError } from "@chimera/kernel";
import type { BegunAnswer } from "./engine.ts";

export function canNotGoOn(reason: string): FailedPreconditionError {
  return new FailedPreconditionError(`can not go on: ${reason}`);
}

/** Undefined where nothing was sent yet, which is a request like any other. Throws FailedPreconditionError for other weights. */
export function begunHere(begun: BegunAnswer | undefined, modelVersion: string): BegunAnswer | undefined {
  if (!begun) return undefined;
  if (begun.modelVersion !== "" && begun.modelVersion !== modelVersion) {
    throw canNotGoOn(`model version ${begun.modelVersion} began this answer, and ${modelVersion} is served here`);
  }
  return begun.text === "" && begun.tokenIds.length === 0 ? undefined : begun;
}

/** Takes text as it is made again, and gives what of it was not sent yet. */
export class SentText {
  #left: string;

  constructor(text: string) {
    this.#left = text;
  }

  /** Sent, and not made again so far. */
  get left(): string {
    return this.#left;
  }

  /** Throws FailedPreconditionError where another text was sent. */
  newOf(text: string): string {
    if (this.#left === "") return text;
    const again = Math.min(text.length, this.#left.length);
    if (text.slice(0, again) !== this.#left.slice(0, again)) throw canNotGoOn("its text is not what its tokens say");
    this.#left = this.#left.slice(again);
    return text.slice(again);
  }
}
