// Whose prompts go into the log of requests: those of tenants that turned it on, and of no other.

/** Longer ones are left out: the log is there to ask common questions again, and has no room for documents. */
const MAX_LOGGED_BYTES = 64 * 1024;

/** `input`: an encoded CacheKeyInput. Undefined where it is not to be logged. */
export function loggedInput(
  logPrompts: readonly string[],
  tenant: string,
  input: Uint8Array | undefined,
): Uint8Array | undefined {
  if (!input || input.length > MAX_LOGGED_BYTES) return undefined;
  return logPrompts.includes(tenant) || logPrompts.includes("*") ? input : undefined;
}
