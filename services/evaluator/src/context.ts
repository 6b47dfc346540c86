// What the handlers of the evaluator may use.
import type { EventBus } from "@chimera/events";
import type { Clock, Random } from "@chimera/kernel";
import type { Logger } from "@chimera/lifecycle";
import type { DataSets } from "./dataset/data-sets.ts";
import type { FeedbackJoin } from "./feedback/join.ts";
import type { OnlineQuality } from "./online/online-quality.ts";
import type { RunQueues } from "./queue/choose-queue.ts";
import type { Generate } from "./run/ask.ts";
import type { RunSlots } from "./run/run-slots.ts";
import type { EvaluatedSplits } from "./tuning/evaluated-splits.ts";
import type { TuningContext } from "./tuning/open-tuning.ts";

export interface Context {
  readonly generate: Generate;
  readonly bus: Pick<EventBus, "publish">;
  readonly join: FeedbackJoin;
  readonly slots: RunSlots;
  readonly queues: RunQueues;
  readonly tuning: TuningContext;
  readonly evaluated: EvaluatedSplits;
  readonly online: Pick<OnlineQuality, "windows" | "drift" | "inputDrift">;
  /** Name of this evaluator in results. */
  readonly replica: string;
  readonly datasets: DataSets;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}
