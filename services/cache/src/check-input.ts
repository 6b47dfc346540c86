// What a key can be made from. Everything else is refused here, before it can meet a stored answer.
import type { CacheKeyInput } from "@chimera/contracts/cache";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";

/** 1 to 63 characters, so that a tenant is safe in keys, file names and log fields. No colon: it ends the tenant in a store key. */
const TENANT = /^[a-z0-9][a-z0-9._-]{0,62}$/i;

/** Returns the input, or throws InvalidRequestError with one violation per wrong field. */
export function checkInput(input: CacheKeyInput | undefined): CacheKeyInput {
  if (input === undefined) throw new InvalidRequestError([{ field: "input", description: "is required" }]);
  const violations = [...tenantProblems(input), ...questionProblems(input), ...samplingProblems(input)];
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return input;
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
