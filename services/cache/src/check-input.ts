// What a key can be made from and how an answer can be kept. Everything else is refused here, before it can meet a stored answer.
import type { CacheKeyInput } from "@chimera/contracts/cache";
import type { CacheControl } from "@chimera/contracts/common";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { StoreTerms } from "./answers.ts";

/** 1 to 63 characters, so that a tenant is safe in keys, file names and log fields. No colon: it ends the tenant in a store key. */
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** Returns the input, or throws InvalidRequestError with one violation per wrong field. */
export function checkInput(input: CacheKeyInput | undefined): CacheKeyInput {
  if (input === undefined) throw new InvalidRequestError([{ field: "input", description: "is required" }]);
  const violations = [...tenantProblems(input), ...questionProblems(input), ...samplingProblems(input)];
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return input;
}

const MAX_TAGS = 8;
const TAG = /^[\w.:/-]{1,64}$/;

/** Throws InvalidRequestError with one violation per wrong field. */
export function checkControl(control: CacheControl | undefined): Pick<StoreTerms, "ttlMs" | "staleMs" | "tags"> {
  const { ttlS, staleS, tags = [] } = control ?? {};
  const violations: FieldViolation[] = [];
  if (tags.length > MAX_TAGS) {
    violations.push({
      field: "control.tags",
      description: `has ${tags.length} entries, at most ${MAX_TAGS} are taken`,
    });
  }
  tags.forEach((tag, at) => {
    if (TAG.test(tag)) return;
    violations.push({ field: `control.tags[${at}]`, description: "needs 1 to 64 letters, digits and . _ : / -" });
  });
  if (violations.length > 0) throw new InvalidRequestError(violations);
  const inMs = (seconds: number | undefined) => seconds && seconds * 1000;
  return { ttlMs: inMs(ttlS), staleMs: inMs(staleS), tags: [...new Set(tags)] };
}

function tenantProblems(input: CacheKeyInput): FieldViolation[] {
  if (TENANT.test(input.tenant)) return [];
  const description =
    input.tenant === ""
      ? "is required: answers are never shared between tenants"
      : "must be 1 to 63 letters, digits, '.', '_' or '-', starting with a letter or digit";
  return [{ field: "input.tenant", description }];
}

function questionProblems(input: CacheKeyInput): FieldViolation[] {
  const problems: FieldViolation[] = [];
  if (input.model === "") problems.push({ field: "input.model", description: "is required" });
  const hasMessages = input.messages.length > 0;
  const hasPrompt = input.prompt !== "";
  if (hasMessages && hasPrompt) {
    problems.push({ field: "input.prompt", description: "must be empty where messages are given" });
  }
  if (!hasMessages && !hasPrompt) {
    problems.push({ field: "input.messages", description: "is required where no prompt is given" });
  }
  return problems;
}

/** NaN and infinity equal nothing, or each other: no key can stand for them. */
function samplingProblems(input: CacheKeyInput): FieldViolation[] {
  return Object.entries(input.sampling ?? {})
    .filter(([, value]) => typeof value === "number" && !Number.isFinite(value))
    .map(([name]) => ({ field: `input.sampling.${snakeCase(name)}`, description: "must be a finite number" }));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
