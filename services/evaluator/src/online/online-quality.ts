// Live traffic as the evaluator sees it: a share of it, chosen by request id, counted by window and watched for drift.
import { createHash } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { RequestFinished, ScoreRecorded } from "@chimera/contracts/events";
import type { Clock, Random } from "@chimera/kernel";
import type { Sign } from "../guard/index.ts";
import { DriftWatch } from "./drift-watch.ts";
import { type QualityWindow, QualityWindows } from "./quality-windows.ts";

export interface OnlineOptions {
  /** Of requests, 0 to 1. */
  share: number;
  clock: Clock;
  random: Random;
}

export class OnlineQuality {
  readonly #options: OnlineOptions;
  readonly #windows = new QualityWindows();
  readonly #drift: DriftWatch;

  constructor(options: OnlineOptions) {
    this.#options = options;
    this.#drift = new DriftWatch(options.random);
  }

  /** Of a caller's own request: what the mesh asks itself is no traffic. */
  requestFinished(event: RequestFinished): void {
    const { requestId, tenant, model, modelVersion, ttftMs, usage, status, refusal, workload } = event;
    if (refusal !== "" || status !== "OK" || workload !== "" || !this.#isSampled(requestId)) return;
    const atMs = event.arrivedAt === undefined ? this.#options.clock.nowMs() : timestampMs(event.arrivedAt);
    this.#windows.request({ requestId, tenant }, atMs);
    this.#drift.request({ promptTokens: usage?.promptTokens ?? 0, model: `${model} ${modelVersion}`, ttftMs });
  }

  scored({ subjectId: requestId, tenant, target, predicted, correct }: ScoreRecorded): void {
    const isTaken = this.#windows.score({ requestId, tenant, target, predicted, correct });
    if (isTaken) this.#drift.score({ predicted, correct });
  }

  windows(tenant: string): QualityWindow[] {
    return this.#windows.of(tenant);
  }

  drift(): Sign[] {
    return this.#drift.signs();
  }

  inputDrift(): Sign {
    return this.#drift.inputDrift();
  }

  /** The same answer for the same request everywhere. */
  #isSampled(requestId: string): boolean {
    const { share } = this.#options;
    if (share >= 1) return true;
    return createHash("sha256").update(requestId).digest().readUInt32BE() / 2 ** 32 < share;
  }
}
