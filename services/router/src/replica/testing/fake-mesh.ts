// A pool of replicas that are made up: each answers, refuses or keeps silent as it is told, and time passes by hand.
import { setImmediate as nextTurn } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { LoadSchema } from "@chimera/contracts/common";
import { LoadReportedSchema } from "@chimera/contracts/events";
import { DescribeResponseSchema } from "@chimera/contracts/inference";
import { assert, seededRandom, UnavailableError } from "@chimera/kernel";
import { HandClock } from "../../measure/testing/hand-clock.ts";
import type { Replica } from "../replica.ts";
import { ReplicaPool, type ReplicaPoolOptions, type Reservation, type RouteRequest } from "../replica-pool.ts";

/** What a replica is when it is asked. */
export class FakeProcess {
  readonly url: string;
  description: MessageInitShape<typeof DescribeResponseSchema>;
  /** Refuses connections. */
  isDown = false;
  isClosed = false;
  asked = 0;
  /** Questions wait for it, where it is set. */
  gate: Promise<void> | undefined;

  constructor(url: string, replica: string) {
    this.url = url;
    this.description = { replica, model: "m", modelVersion: "1", slots: 4, maxQueued: 8 };
  }

  async describe() {
    this.asked += 1;
    await this.gate;
    if (this.isDown) throw new UnavailableError("connection refused");
    return create(DescribeResponseSchema, this.description);
  }
}

export type FakeMesh = Awaited<ReturnType<typeof startFakeMesh>>;

type Options = Partial<ReplicaPoolOptions> & { replicas?: number };

/** Replicas a, b, c … at http://10.0.0.1:1, http://10.0.0.2:1 … */
export async function startFakeMesh({ replicas = 2, ...options }: Options = {}) {
  const clock = new HandClock();
  const processes = new Map<string, FakeProcess>();
  const add = (address: string, name: string) => {
    const added = new FakeProcess(`http://${address}:1`, name);
    processes.set(added.url, added);
    return added;
  };
  const own = Array.from({ length: replicas }, (_, i) => add(`10.0.0.${i + 1}`, String.fromCharCode(97 + i)));
  const changes: string[] = [];
  const roomFor: string[] = [];
  let tick: () => void = () => undefined;
  const pool = new ReplicaPool({
    urls: own.map(({ url }) => url),
    random: seededRandom(1),
    clock,
    onChange: ({ name, reachable }: Replica) => void changes.push(`${name} ${reachable ? "in" : "out"}`),
    openRelay: () => ({ open: () => assert(false, "nothing is sent here") as never, close: () => undefined }),
    openDescriber: (url) => ({
      describe: async () => {
        const found = processes.get(url);
        if (found === undefined) throw new UnavailableError("connection refused");
        return found.describe();
      },
      close: () => {
        const found = processes.get(url);
        if (found) found.isClosed = true;
      },
    }),
    every: (callback) => {
      tick = callback;
      return () => {
        tick = () => undefined;
      };
    },
    ...options,
  });
  pool.onRoom((model) => void roomFor.push(model));
  await pool.start();
  const request = (more: Partial<RouteRequest> = {}): RouteRequest => ({
    model: "m",
    prefixKeys: [],
    promptTokens: 100,
    ...more,
  });
  return {
    pool,
    clock,
    changes,
    roomFor,
    add,
    request,
    process(name: string): FakeProcess {
      const found = [...processes.values()].find(({ description }) => description.replica === name);
      assert(found !== undefined, `there is no process ${name}`);
      return found;
    },
    state: (name: string) => {
      const found = pool.snapshot().find((each) => each.name === name);
      assert(found !== undefined, `the pool knows no ${name}`);
      return found;
    },
    reserve: (more?: Partial<RouteRequest>) => pool.reserve(request(more)),
    /** Throws where there is no room. */
    reserved(more?: Partial<RouteRequest>): Reservation {
      const reservation = pool.reserve(request(more));
      assert(reservation !== undefined, "there must be room");
      return reservation;
    },
    report(name: string, load: MessageInitShape<typeof LoadSchema>): void {
      const { url } = this.process(name);
      const full = { slots: 4, maxQueued: 8, ...load };
      pool.note(create(LoadReportedSchema, { replica: name, url, model: "m", load: full }));
    },
    /** Seconds pass, and what was asked in them is answered. */
    async pass(seconds = 1): Promise<void> {
      for (let i = 0; i < seconds; i++) {
        clock.ms += 1000;
        tick();
        await settled();
      }
    },
    settled,
  };
}

/** Everything that needs no time has happened. */
async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextTurn();
}
