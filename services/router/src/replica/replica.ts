// One inference process as the router knows it.
import type { Load } from "@chimera/contracts/common";
import { type DescribeResponse, InferenceService } from "@chimera/contracts/inference";
import type { Clock } from "@chimera/kernel";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { connectRelay } from "../relay/connect-relay.ts";
import type { Relay } from "../relay/relay.ts";

/** An idle replica reports once a second; what is older says nothing about now. */
const REPORT_VALID_MS = 3000;

export interface ReplicaOptions {
  url: string;
  /** Not in the settings: known from its load reports only. */
  isDiscovered: boolean;
  clock: Clock;
}

export class Replica {
  readonly url: string;
  readonly isDiscovered: boolean;
  readonly relay: Relay;
  readonly #rpc: RpcClient<typeof InferenceService>;
  readonly #clock: Clock;
  /** What it last said about itself; undefined until it answered once. */
  description: DescribeResponse | undefined;
  reachable = false;
  #heardAtMs: number;
  /** Requests this router has open there. */
  #open = 0;
  #report: { requests: number; atMs: number } | undefined;
  #openedSinceReport = 0;

  constructor({ url, isDiscovered, clock }: ReplicaOptions) {
    this.url = url;
    this.isDiscovered = isDiscovered;
    this.#clock = clock;
    this.#heardAtMs = clock.monotonicMs();
    this.#rpc = connectClient(InferenceService, url);
    this.relay = connectRelay(this.#rpc);
  }

  get name(): string {
    return this.description?.replica || this.url;
  }

  /**
   * Requests it works on, as far as this router can tell: those it has open there itself, or, where that is more, those of its last
   * report, which counts other routers' as well, and those sent there since.
   */
  get outstanding(): number {
    const report = this.#report;
    if (!report || this.#clock.monotonicMs() - report.atMs > REPORT_VALID_MS) return this.#open;
    return Math.max(this.#open, report.requests + this.#openedSinceReport);
  }

  /** Requests of this router that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** Neither a report nor an answer for that long. */
  isSilentFor(ms: number): boolean {
    return this.#clock.monotonicMs() - this.#heardAtMs > ms;
  }

  /** Counts one request until the returned function is called. */
  countRequest(): () => void {
    this.#open += 1;
    this.#openedSinceReport += 1;
    return () => {
      this.#open -= 1;
    };
  }

  noteLoad({ busySlots, queuedRequests }: Pick<Load, "busySlots" | "queuedRequests">): void {
    this.#heardAtMs = this.#clock.monotonicMs();
    this.#report = { requests: busySlots + queuedRequests, atMs: this.#heardAtMs };
    this.#openedSinceReport = 0;
  }

  /** Asks what it serves. Returns whether that changed what the router may believe. */
  async refresh(timeoutMs: number): Promise<boolean> {
    const before = `${this.reachable}/${this.description?.model}/${this.description?.modelVersion}`;
    try {
      this.description = await this.#rpc.client.describe({}, { signal: AbortSignal.timeout(timeoutMs) });
      this.reachable = true;
      this.#heardAtMs = this.#clock.monotonicMs();
    } catch {
      this.reachable = false;
    }
    return before !== `${this.reachable}/${this.description?.model}/${this.description?.modelVersion}`;
  }

  close(): void {
    this.#rpc.close();
  }
}
