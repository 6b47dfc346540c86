// What a work queue keeps in NATS: tasks until one reader is done with them, results for a day, and a record per run.
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";

const MS_IN_NS = 1_000_000;
const MIB = 1024 * 1024;

/** What is kept for a broken-off run to go on from. */
const KEPT_MS = 24 * 3_600_000;
/** No message is larger: NATS takes 1 MiB unless told otherwise. */
export const MAX_MESSAGE_BYTES = 900 * 1024;
/** Runs with a record at a time; 512 records of the largest size fit the bucket. */
const MAX_RECORD_BYTES = 256 * 1024;
/**
 * A reader that is silent for so long is taken for dead, and its task goes to another one. It says every third of it that it
 * lives.
 */
export const ACK_WAIT_MS = 6000;
/** A task that no reader could end is left after this many. */
const MAX_DELIVERIES = 10;
/** Tasks being worked on at a time, over all readers. */
const MAX_ACK_PENDING = 4096;

/** The streams of one kind of work; `name` in capitals, for example "EVALUATION". */
export class WorkStreams {
  readonly tasks: string;
  readonly results: string;
  readonly bucket: string;
  readonly reader = "workers";
  readonly #prefix: string;

  constructor(name: string) {
    this.tasks = `CHIMERA_${name}`;
    this.results = `CHIMERA_${name}_RESULTS`;
    this.bucket = `CHIMERA_${name}_RUNS`;
    this.#prefix = `chimera.${name.toLowerCase()}`;
  }

  taskSubject(run: string): string {
    return `${this.#prefix}.task.${run}`;
  }

  resultSubject(run: string, key: string): string {
    return `${this.#prefix}.result.${run}.${key}`;
  }

  keyOf(resultSubject: string): string {
    return resultSubject.slice(resultSubject.lastIndexOf(".") + 1);
  }

  /** Safe to call again; returns the bucket of the records. */
  async ensure(client: JetStreamClient): Promise<KV> {
    const manager = await client.jetstreamManager();
    await ensureStream(manager, {
      name: this.tasks,
      subjects: [this.taskSubject("*")],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_age: KEPT_MS * MS_IN_NS,
      max_msgs: 20_000,
      max_bytes: 256 * MIB,
    });
    await ensureStream(manager, {
      name: this.results,
      subjects: [this.resultSubject("*", "*")],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_age: KEPT_MS * MS_IN_NS,
      max_msgs: 2_000_000,
      max_bytes: 512 * MIB,
      duplicate_window: 120_000 * MS_IN_NS,
    });
    await manager.consumers.add(this.tasks, {
      durable_name: this.reader,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * MS_IN_NS,
      max_deliver: MAX_DELIVERIES,
      max_ack_pending: MAX_ACK_PENDING,
    });
    return new Kvm(client).create(this.bucket, {
      history: 1,
      ttl: KEPT_MS,
      max_bytes: 128 * MIB,
      maxValueSize: MAX_RECORD_BYTES,
    });
  }
}

async function ensureStream(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { name: string },
): Promise<void> {
  await manager.streams.info(wanted.name).then(
    () => manager.streams.update(wanted.name, wanted),
    () => manager.streams.add(wanted),
  );
}
