// What is compared and what must be the same: the last thing the caller said, and everything else of the request.
import { clone } from "@bufbuild/protobuf";
import { type CacheKeyInput, CacheKeyInputSchema } from "@chimera/contracts/cache";
import { Role } from "@chimera/contracts/common";
import { cacheKey } from "../key.ts";

export interface Question {
  /** Tenant, model, sampling, and the conversation before: questions of one scope differ only in their text. */
  scope: string;
  text: string;
}

/** Undefined where there is nothing to compare: a conversation that does not end with its user. */
export function questionOf(input: CacheKeyInput): Question | undefined {
  const last = input.messages.at(-1);
  if (last !== undefined && last.role !== Role.USER) return undefined;
  const rest = clone(CacheKeyInputSchema, input);
  const lastOfRest = rest.messages.at(-1);
  if (lastOfRest) lastOfRest.content = "";
  else rest.prompt = "";
  return { scope: cacheKey(rest).storeKey, text: last?.content ?? input.prompt };
}
