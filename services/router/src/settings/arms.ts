// Which arm of an experiment a session is in. The same caller is always in the same one, at every router, as long as the arms stay;
// and whatever they are, the end of the range is the first to be left out, so that the same callers are never experimented on.
import { hash } from "node:crypto";
import { Role } from "@chimera/contracts/common";
import type { GenerateRequest } from "@chimera/contracts/router";
import type { Arm } from "@chimera/contracts/settings";

export interface Caller {
  tenant: string;
  /** What the caller calls its session; without it, those that began with the same words are one. */
  session?: string | undefined;
}

/** Of the hash, in hex digits: as many as a number holds exactly. */
const DIGITS = 12;

/** Undefined where it is in none. */
export function armOf(arms: readonly Arm[], caller: Caller, request: GenerateRequest): Arm | undefined {
  if (arms.length === 0) return undefined;
  const place = placeOf(caller, request);
  let end = 0;
  return arms.find(({ share }) => {
    end += share;
    return place < end;
  });
}

/** Uniform in [0, 1). */
function placeOf({ tenant, session }: Caller, request: GenerateRequest): number {
  const kept = session ? ["session", session] : ["text", firstWords(request)];
  const digest = hash("sha256", JSON.stringify([tenant, ...kept]), "hex");
  return Number.parseInt(digest.slice(0, DIGITS), 16) / 16 ** DIGITS;
}

/** They stay as a conversation goes on. */
function firstWords({ messages, prompt }: GenerateRequest): string {
  return messages.find(({ role }) => role === Role.USER)?.content ?? prompt;
}
