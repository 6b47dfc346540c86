// Which limits an engine can be given while it runs.
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import { ranges } from "@chimera/settings";
import type { EngineLimits } from "./engine.ts";

export const MAX_QUEUED_REQUESTS = ranges.inference.maxQueued.max;

/** What is asked for over what is in force. Throws InvalidRequestError with every value the engine can not have. */
export function resolveLimits(asked: Partial<EngineLimits>, current: EngineLimits, maxSlots: number): EngineLimits {
  const slots = asked.slots ?? current.slots;
  const maxQueued = asked.maxQueued ?? current.maxQueued;
  const violations: FieldViolation[] = [];
  if (!isWhole(slots, 1, maxSlots)) {
    violations.push({ field: "slots", description: `${slots} is out of range; this engine can have 1 to ${maxSlots}` });
  }
  if (!isWhole(maxQueued, 0, MAX_QUEUED_REQUESTS)) {
    const description = `${maxQueued} is out of range; it must be from 0 to ${MAX_QUEUED_REQUESTS}`;
    violations.push({ field: "max_queued", description });
  }
  if (violations.length > 0) throw new InvalidRequestError(violations);
  return { slots, maxQueued };
}

function isWhole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
