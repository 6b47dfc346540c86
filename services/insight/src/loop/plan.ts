// What a change consists of, as the ledger keeps it: enough for another process to go on with it or to take it back.
import type { Json } from "../ledger/record.ts";
import type { Change, ProofDesign } from "../remedy/remedy.ts";

export interface Plan {
  readonly change: Change;
  readonly proof: ProofDesign;
  /** Who decided that it be tried. */
  readonly by: string;
}

export function planJson({ change, proof, by }: Plan): Json {
  // Without what is undefined, which JSON does not have.
  return JSON.parse(JSON.stringify({ change, proof, by })) as Json;
}

/** Expects what `planJson` made. */
export function planOf(json: Json): Plan {
  return json as unknown as Plan;
}
