// Asks a replica what it serves; the answer also shows that it is there.
import { type DescribeResponse, InferenceService } from "@chimera/contracts/inference";
import { connectClient, type Tls } from "@chimera/rpc";

export interface Describer {
  describe(signal: AbortSignal): Promise<DescribeResponse>;
  close(): void;
}

export function openDescriber(url: string, options: { tls?: Tls | undefined } = {}): Describer {
  const { client, close } = connectClient(InferenceService, url, options);
  return { describe: (signal) => client.describe({}, { signal }), close };
}
