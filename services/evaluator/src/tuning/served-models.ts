// Which models the mesh serves, as its router lists them; none where that can not be found out, and then none is tuned.
import { z } from "zod";

const TIMEOUT_MS = 3000;
/** More models than are told apart as one parameter. */
const MAX_MODELS = 16;

const listSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

export interface RouterAddress {
  routerUrl: string;
  apiKey(): string | undefined;
}

export async function servedModels({ routerUrl, apiKey }: RouterAddress, signal: AbortSignal): Promise<string[]> {
  const key = apiKey();
  try {
    const response = await fetch(new URL("/v1/models", routerUrl), {
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const { data } = listSchema.parse(await response.json());
    return [...new Set(data.map(({ id }) => id))].sort().slice(0, MAX_MODELS);
  } catch {
    signal.throwIfAborted();
    return [];
  }
}
