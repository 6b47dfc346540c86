// Slots and replicas, from what the replicas announce.
import type { LoadReported } from "@chimera/contracts/events";
import type { Clock } from "@chimera/kernel";
import type { CapacityObserved } from "../predict/observed.ts";

/** They speak every second; whoever is silent for longer is gone. */
const SILENT_MS = 10_000;
const MAX_REPLICAS = 128;

export class CapacityLog {
  readonly #clock: Clock;
  readonly #byReplica = new Map<string, { slots: number; heardAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ replica, load }: LoadReported): void {
    this.#byReplica.delete(replica);
    this.#byReplica.set(replica, { slots: load?.slots ?? 0, heardAtMs: this.#clock.nowMs() });
    const oldest = this.#byReplica.keys().next();
    if (this.#byReplica.size > MAX_REPLICAS && !oldest.done) this.#byReplica.delete(oldest.value);
  }

  /** Without a curve: nobody has measured one. Undefined where no replica is heard. */
  observed(): CapacityObserved | undefined {
    const sinceMs = this.#clock.nowMs() - SILENT_MS;
    const present = [...this.#byReplica.values()].filter(({ heardAtMs }) => heardAtMs >= sinceMs);
    if (present.length === 0) return undefined;
    const slots = present.reduce((sum, each) => sum + each.slots, 0);
    return { slots, replicas: present.length, maxSlots: slots, curve: [], objective: "" };
  }
}
