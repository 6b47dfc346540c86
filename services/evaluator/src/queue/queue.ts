// The work of evaluation runs as the rest of the evaluator sees it: a coordinator claims a run and hands out batches, workers
// answer them, and every answer is kept once. Shared by all replicas over NATS, or within this process.
import { z } from "zod";

/** One of the configurations a run asks with. */
const armSchema = z.object({
  name: z.string(),
  model: z.string(),
  /** SamplingParams as protobuf JSON. */
  sampling: z.record(z.string(), z.unknown()),
  votes: z.number().int().min(1),
  useCache: z.boolean(),
});
export type Arm = z.infer<typeof armSchema>;

const recordSchema = z.object({
  /** Grows each time a coordinator takes the run over; batches of an older one are void. */
  epoch: z.number().int(),
  /** Work is done on running ones alone. */
  state: z.enum(["running", "stopped", "done"]),
  /** Of everything that makes one run comparable with another: the same id with another one is refused. */
  fingerprint: z.string(),
  coordinator: z.string(),
  arms: z.array(armSchema).min(1).max(2),
  /** What is none of these is no answer. */
  classes: z.array(z.string()),
  scorers: z.array(z.string()),
  /** Of scorers that were given some. */
  parameters: z.record(z.string(), z.unknown()),
});
export type RunRecord = z.infer<typeof recordSchema>;

const messageSchema = z.object({ role: z.enum(["system", "user", "assistant"]), content: z.string() });

/** One question: an item, asked with one configuration, for the nth time. */
const unitSchema = z.object({
  /** Its number in the run. */
  unit: z.number().int().min(0),
  arm: z.number().int().min(0).max(1),
  repeat: z.number().int().min(0),
  itemId: z.string(),
  tenant: z.string(),
  target: z.string(),
  /** What the scorers compare the answer with. */
  reference: z.string(),
  /** All accepted answers where there are several. */
  accepted: z.array(z.string()).optional(),
  cluster: z.string(),
  messages: z.array(messageSchema).min(1),
});
export type Unit = z.infer<typeof unitSchema>;

const batchSchema = z.object({ run: z.string(), epoch: z.number().int(), units: z.array(unitSchema).min(1) });
export type Batch = z.infer<typeof batchSchema>;

const unitResultSchema = z.object({
  unit: z.number().int().min(0),
  arm: z.number().int().min(0).max(1),
  repeat: z.number().int().min(0),
  itemId: z.string(),
  tenant: z.string(),
  cluster: z.string(),
  output: z.string(),
  target: z.string(),
  predicted: z.string(),
  scores: z.record(z.string(), z.number()),
  /** gRPC status name, and why. */
  status: z.string(),
  message: z.string(),
  ttftMs: z.number().optional(),
  promptTokens: z.number(),
  completionTokens: z.number(),
  model: z.string(),
  modelVersion: z.string(),
  replica: z.string(),
});
export type UnitResult = z.infer<typeof unitResultSchema>;

export interface BatchTask {
  record: RunRecord;
  batch: Batch;
  /** How often the batch was given to a worker, this time included. */
  deliveries: number;
  /** Aborted where the run is no longer wanted, or this process stops. */
  signal: AbortSignal;
  isStored(unit: number): Promise<boolean>;
  /** Keeps a result; one that is there already stays. */
  store(result: UnitResult): Promise<void>;
}

export type BatchHandler = (task: BatchTask) => Promise<void>;

export type ClaimEvent =
  | { kind: "result"; result: UnitResult; storedAtMs: number }
  /** Every result that was there at the claim has been told. */
  | { kind: "caught-up" };

/** A run in the hands of one coordinator. */
export interface Claim {
  readonly epoch: number;
  /** Aborted with the reason where another evaluator takes the run over. */
  readonly lost: AbortSignal;
  results(signal: AbortSignal): AsyncGenerator<ClaimEvent, void, undefined>;
  enqueue(units: readonly Unit[]): Promise<void>;
  /** Batches that wait or are worked on. */
  queued(): Promise<number>;
  /** Forgets what was answered. */
  discardResults(): Promise<void>;
  /** Nothing of the run is worked on any more. Never throws. */
  end(state: "stopped" | "done"): Promise<void>;
}

export type RunIntent = Omit<RunRecord, "epoch" | "state">;

export interface RunQueue {
  /** Takes the run over from whoever has it. Throws FailedPreconditionError where it is another run under the same id. */
  claim(run: string, intent: RunIntent): Promise<Claim>;
  close(): Promise<void>;
}

// Messages are JSON of this version of the evaluator; replicas of two versions refuse each other's.
export function encode(value: RunRecord | Batch | UnitResult): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

export const decodeRecord = (bytes: Uint8Array): RunRecord => recordSchema.parse(parsed(bytes));
export const decodeBatch = (bytes: Uint8Array): Batch => batchSchema.parse(parsed(bytes));
export const decodeResult = (bytes: Uint8Array): UnitResult => unitResultSchema.parse(parsed(bytes));

function parsed(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
