// One inference process as the router knows it.
import { type DescribeResponse, InferenceService } from "@chimera/contracts/inference";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { connectRelay } from "../relay/connect-relay.ts";
import type { Relay } from "../relay/relay.ts";

export class Replica {
  readonly url: string;
  readonly relay: Relay;
  readonly #rpc: RpcClient<typeof InferenceService>;
  /** What it last said about itself; undefined until it answered once. */
  description: DescribeResponse | undefined;
  reachable = false;
  /** Requests this router has open there. */
  outstanding = 0;

  constructor(url: string) {
    this.url = url;
    this.#rpc = connectClient(InferenceService, url);
    this.relay = connectRelay(this.#rpc);
  }

  get name(): string {
    return this.description?.replica || this.url;
  }

  /** Asks what it serves. Returns whether that changed what the router may believe. */
  async refresh(timeoutMs: number): Promise<boolean> {
    const before = `${this.reachable}/${this.description?.model}/${this.description?.modelVersion}`;
    try {
      this.description = await this.#rpc.client.describe({}, { signal: AbortSignal.timeout(timeoutMs) });
      this.reachable = true;
    } catch {
      this.reachable = false;
    }
    return before !== `${this.reachable}/${this.description?.model}/${this.description?.modelVersion}`;
  }

  close(): void {
    this.#rpc.close();
  }
}
