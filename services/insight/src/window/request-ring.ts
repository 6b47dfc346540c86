// The requests insight remembers: columns of numbers instead of objects, so that the bound is a bound on memory too
// (44 bytes a request). When full, the request that finished first makes room and the loss is counted.
import { assert } from "@chimera/kernel";
import { type GrpcStatus, grpcStatuses } from "./grpc-status.ts";

/** "joined": read along with the same request; neither a hit nor a miss. */
export type CacheVerdict = "none" | "hit" | "miss" | "bypass" | "joined";
const verdicts: readonly CacheVerdict[] = ["none", "hit", "miss", "bypass", "joined"];

export interface RequestSample {
  /** Ingress at the router, milliseconds since the epoch. */
  arrivedMs: number;
  /** Ingress to first non-empty delta; undefined where none was sent. */
  ttftMs: number | undefined;
  /** Ingress to the end of the stream, however it ended. */
  turnMs: number;
  /** Waiting in the router's queue and for an engine slot; undefined where no engine answered. */
  queueMs: number | undefined;
  completionTokens: number;
  cache: CacheVerdict;
  status: GrpcStatus;
  /** Turned away before any work. */
  refused: boolean;
  /** Of its session; empty where it is in none. */
  arm: string;
  /** Of the mesh's settings, as the router had them; 0 is the environment alone. */
  settingsVersion: number;
}

/** Names of arms kept; few are in use at a time, and what comes beyond is called OTHER_ARM. */
const MAX_ARMS = 255;
export const OTHER_ARM = "other";

export class RequestRing {
  readonly capacity: number;
  readonly #arrivedMs: Float64Array;
  readonly #ttftMs: Float64Array;
  readonly #turnMs: Float64Array;
  readonly #queueMs: Float64Array;
  readonly #completionTokens: Uint32Array;
  readonly #cache: Uint8Array;
  readonly #status: Uint8Array;
  readonly #refused: Uint8Array;
  readonly #arm: Uint8Array;
  readonly #settingsVersion: Uint32Array;
  readonly #arms: string[] = [OTHER_ARM];
  #pushed = 0;
  #lastDroppedArrivalMs = Number.NEGATIVE_INFINITY;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, `a request ring needs a positive capacity, got ${capacity}`);
    this.capacity = capacity;
    this.#arrivedMs = new Float64Array(capacity);
    this.#ttftMs = new Float64Array(capacity);
    this.#turnMs = new Float64Array(capacity);
    this.#queueMs = new Float64Array(capacity);
    this.#completionTokens = new Uint32Array(capacity);
    this.#cache = new Uint8Array(capacity);
    this.#status = new Uint8Array(capacity);
    this.#refused = new Uint8Array(capacity);
    this.#arm = new Uint8Array(capacity);
    this.#settingsVersion = new Uint32Array(capacity);
  }

  get size(): number {
    return Math.min(this.#pushed, this.capacity);
  }

  /** Requests taken since the start. */
  get pushed(): number {
    return this.#pushed;
  }

  /** Requests that had to make room since the start. */
  get dropped(): number {
    return this.#pushed - this.size;
  }

  /** Latest arrival among the dropped: a window that starts after it is complete. */
  get lastDroppedArrivalMs(): number {
    return this.#lastDroppedArrivalMs;
  }

  push(sample: RequestSample): void {
    const slot = this.#pushed % this.capacity;
    if (this.#pushed >= this.capacity) {
      this.#lastDroppedArrivalMs = Math.max(this.#lastDroppedArrivalMs, this.#arrivedMs[slot] ?? 0);
    }
    this.#arrivedMs[slot] = sample.arrivedMs;
    this.#ttftMs[slot] = sample.ttftMs ?? Number.NaN;
    this.#turnMs[slot] = sample.turnMs;
    this.#queueMs[slot] = sample.queueMs ?? Number.NaN;
    this.#completionTokens[slot] = sample.completionTokens;
    this.#cache[slot] = verdicts.indexOf(sample.cache);
    this.#status[slot] = grpcStatuses.indexOf(sample.status);
    this.#refused[slot] = sample.refused ? 1 : 0;
    this.#arm[slot] = this.#armIndex(sample.arm);
    this.#settingsVersion[slot] = sample.settingsVersion;
    this.#pushed += 1;
  }

  /** Every request held, in no particular order of arrival. */
  *[Symbol.iterator](): Generator<RequestSample> {
    for (let slot = 0; slot < this.size; slot += 1) yield this.#at(slot);
  }

  /** Those taken after so many, in the order in which they were, as far as they are still held. */
  *since(pushed: number): Generator<RequestSample> {
    for (let at = Math.max(pushed, this.dropped); at < this.#pushed; at += 1) yield this.#at(at % this.capacity);
  }

  #at(slot: number): RequestSample {
    return {
      arrivedMs: this.#arrivedMs[slot] ?? 0,
      ttftMs: numberOrNone(this.#ttftMs[slot]),
      turnMs: this.#turnMs[slot] ?? 0,
      queueMs: numberOrNone(this.#queueMs[slot]),
      completionTokens: this.#completionTokens[slot] ?? 0,
      cache: verdicts[this.#cache[slot] ?? 0] ?? "none",
      status: grpcStatuses[this.#status[slot] ?? 0] ?? "UNKNOWN",
      refused: this.#refused[slot] === 1,
      arm: this.#arms[this.#arm[slot] ?? 0] ?? OTHER_ARM,
      settingsVersion: this.#settingsVersion[slot] ?? 0,
    };
  }

  #armIndex(arm: string): number {
    const known = this.#arms.indexOf(arm);
    if (known >= 0) return known;
    return this.#arms.length > MAX_ARMS ? 0 : this.#arms.push(arm) - 1;
  }
}

function numberOrNone(value: number | undefined): number | undefined {
  return value === undefined || Number.isNaN(value) ? undefined : value;
}
