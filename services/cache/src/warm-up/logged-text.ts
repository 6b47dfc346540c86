// A request itself, from the log: only tenants that allow it have theirs there.
import { fromBinary } from "@bufbuild/protobuf";
import { type CacheKeyInput, CacheKeyInputSchema } from "@chimera/contracts/cache";
import type { CacheControl } from "@chimera/contracts/common";
import type { EventBus } from "@chimera/events";
import { checkInput } from "../check-input.ts";
import { cacheKey } from "../key.ts";

export interface LoggedText {
  input: CacheKeyInput;
  control: CacheControl | undefined;
  /** Key in the byte store. */
  storeKey: string;
}

/** Undefined where the log has let go of it meanwhile, or it is not the request its event names. */
export async function loggedText(bus: Pick<EventBus, "eventAt">, sequence: number): Promise<LoggedText | undefined> {
  const event = await bus.eventAt("requestFinished", sequence);
  if (event?.kind !== "requestFinished") return undefined;
  const { loggedInput, cacheKey: named, cacheControl: control } = event.message;
  try {
    const input = checkInput(fromBinary(CacheKeyInputSchema, loggedInput));
    const { prefix, storeKey } = cacheKey(input);
    return prefix === named ? { input, control, storeKey } : undefined;
  } catch {
    return undefined;
  }
}
