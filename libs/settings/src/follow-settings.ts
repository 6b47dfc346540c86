// A service that follows the mesh's settings: it takes each version as it comes, keeps the last good one through outages and bad
// versions, and tells the mesh what it did.
import { setTimeout } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SettingsAppliedSchema } from "@chimera/contracts/events";
import type { Settings } from "@chimera/contracts/settings";
import type { Bucket, BucketEntry, BusLogger, EventBus } from "@chimera/events";
import { type Clock, InvalidRequestError } from "@chimera/kernel";
import { decodeSettings, SETTINGS_KEY, settingsBucket } from "./settings-bucket.ts";
import { settingsViolations } from "./validate.ts";

export interface FollowedSettings {
  /** The version in force here; 0 is the service's environment alone. */
  readonly version: number;
  /** Resolves when the version that is there at the start was taken or refused, or there is none; else after `ms`. Never rejects. */
  settled(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export interface FollowOptions {
  bus: Pick<EventBus, "bucket" | "publish">;
  /** "router", "cache" or "inference". */
  service: string;
  replica: string;
  clock: Clock;
  logger: BusLogger;
  /** What it throws refuses the version; the one before must then still be in force. Called with one version after the other. */
  apply(settings: Settings): Promise<void> | void;
}

/** Returns at once, whether NATS is there or not: until a version has come, the environment is in force. */
export function followSettings(options: FollowOptions): FollowedSettings {
  const bucket = settingsBucket(options.bus);
  const follower = new Follower(options, bucket);
  const watching = bucket.watch(SETTINGS_KEY, (entry) => follower.take(entry));
  return {
    get version() {
      return follower.version;
    },
    async settled(ms) {
      const late = new AbortController();
      await Promise.race([
        follower.settled(),
        setTimeout(ms, undefined, { signal: late.signal }).catch(() => undefined),
      ]);
      late.abort();
    },
    stop: () => watching.stop(),
  };
}

class Follower {
  readonly #options: FollowOptions;
  readonly #bucket: Bucket;
  readonly #startedAtMs: number;
  version = 0;
  /** The last one that came; after an outage it comes again. */
  #seen: Uint8Array | undefined;
  readonly #taken = Promise.withResolvers<void>();
  #told = 0;

  constructor(options: FollowOptions, bucket: Bucket) {
    this.#options = options;
    this.#bucket = bucket;
    this.#startedAtMs = Math.floor(options.clock.nowMs());
  }

  async take(entry: BucketEntry): Promise<void> {
    if (this.#seen && Buffer.compare(entry.value, this.#seen) === 0) return;
    const isFirst = this.#seen === undefined;
    this.#seen = entry.value;
    if (!(await this.#tryOut(entry)) && isFirst) await this.#takeEarlier(entry);
    this.#taken.resolve();
  }

  async settled(): Promise<void> {
    const entry = await this.#bucket.get(SETTINGS_KEY).catch(() => undefined);
    if (entry !== undefined) await this.#taken.promise;
  }

  /** A process that starts under a version it can not take goes on with the one that it had before it ended. */
  async #takeEarlier({ revision }: BucketEntry): Promise<void> {
    const earlier = (await this.#bucket.history(SETTINGS_KEY)).filter((each) => each.revision < revision);
    for (const entry of earlier.reverse()) if (await this.#tryOut(entry)) return;
  }

  /** False where it is refused. */
  async #tryOut({ value }: BucketEntry): Promise<boolean> {
    const { service, replica, logger } = this.#options;
    let version = 0;
    try {
      const settings = decodeSettings(value);
      version = settings.version;
      const violations = settingsViolations(settings);
      if (violations.length > 0) throw new InvalidRequestError(violations);
      await this.#options.apply(settings);
      this.version = version;
      logger.info({ service, replica, version, reason: settings.reason }, "settings applied");
      this.#tell(version, "");
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.warn({ service, replica, version, inForce: this.version, reason }, "settings refused");
      this.#tell(version, reason);
      return false;
    }
  }

  #tell(version: number, reason: string): void {
    const { bus, service, replica, clock } = this.#options;
    this.#told += 1;
    const at = timestampFromMs(clock.nowMs());
    const message = create(SettingsAppliedSchema, { service, replica, version, at, applied: reason === "", reason });
    const id = `${service}-${replica}-settings-${this.#startedAtMs}-${this.#told}`;
    bus.publish({ kind: "settingsApplied", message }, id);
  }
}
