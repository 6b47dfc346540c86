import { InternalError, InvalidRequestError, OverloadedError, UnavailableError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { Address } from "./dns-names.ts";
import type { Reservation } from "./replica-pool.ts";
import { type FakeMesh, startFakeMesh } from "./testing/fake-mesh.ts";

const refused = () => new UnavailableError("connection refused");

/** Names of the next so many choices, each of which ends well at once. */
function choices({ reserved }: FakeMesh, count: number, ttftMs = 20): string[] {
  return Array.from({ length: count }, () => {
    const reservation = reserved();
    reservation.firstToken(ttftMs);
    reservation.end("ok");
    return reservation.replica.name;
  });
}

/** Reserves until there is no room. */
function fill({ reserve }: FakeMesh, more?: Parameters<FakeMesh["reserve"]>[0]): Reservation[] {
  const taken: Reservation[] = [];
  for (let each = reserve(more); each !== undefined; each = reserve(more)) taken.push(each);
  return taken;
}

/** Requests that reach this replica and fail there. */
function failAt(mesh: FakeMesh, name: string, error: () => UnavailableError | InternalError, times: number): void {
  const others = new Set(mesh.pool.snapshot().flatMap((each) => (each.name === name ? [] : [each.name])));
  for (let i = 0; i < times; i++) {
    const exclude = new Set<Reservation["replica"]>();
    for (;;) {
      const reservation = mesh.reserved({ exclude });
      if (!others.has(reservation.replica.name)) {
        reservation.end(error());
        break;
      }
      exclude.add(reservation.replica);
      reservation.end("cancelled");
    }
  }
}

describe("room", () => {
  it("is the slots and a little more of each replica, and comes back with each end", async () => {
    const mesh = await startFakeMesh();
    const taken = fill(mesh);
    expect(taken).toHaveLength(10);
    expect(mesh.state("a")).toMatchObject({ state: "full", limit: 5, outstanding: 5, open: 5 });
    expect(mesh.reserve()).toBeUndefined();
    mesh.roomFor.length = 0;
    taken[0]?.end("ok");
    expect(mesh.roomFor).toContain("m");
    expect(mesh.reserve()?.replica).toBe(taken[0]?.replica);
  });

  it("counts an end once", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    const [first] = fill(mesh);
    for (let i = 0; i < 3; i++) first?.end("ok");
    expect(mesh.state("a").open).toBe(4);
  });

  it("is not there where others' requests fill a replica, as it reports", async () => {
    const mesh = await startFakeMesh();
    mesh.report("a", { busySlots: 4, queuedRequests: 1 });
    expect(new Set(fill(mesh).map(({ replica }) => replica.name))).toEqual(new Set(["b"]));
    mesh.report("a", { busySlots: 1 });
    expect(mesh.reserve()?.replica.name).toBe("a");
  });

  it("does not bind urgent requests", async () => {
    const mesh = await startFakeMesh();
    fill(mesh);
    expect(mesh.pool.reserve(mesh.request(), { urgent: true })).toBeDefined();
  });

  it("is told of where a report or an answer may have brought some", async () => {
    const mesh = await startFakeMesh();
    mesh.roomFor.length = 0;
    mesh.report("a", { busySlots: 0 });
    expect(mesh.roomFor).toEqual(["m"]);
    await mesh.pass();
    expect(mesh.roomFor.length).toBeGreaterThan(1);
  });

  it("follows slots that change while a replica runs", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    expect(mesh.pool.model("m").slots).toBe(4);
    mesh.process("a").description.slots = 16;
    await mesh.pass();
    expect(mesh.pool.model("m").slots).toBe(16);
    expect(fill(mesh)).toHaveLength(18);
  });

  it("is less for a while at a replica that said it is full, which is not failing", async () => {
    const mesh = await startFakeMesh();
    const reservation = mesh.reserved();
    const { name } = reservation.replica;
    reservation.end(new OverloadedError("all slots are busy", 500));
    expect(mesh.state(name)).toMatchObject({ state: "full", reason: undefined });
    expect(new Set(choices(mesh, 20)).has(name)).toBe(false);
    mesh.clock.ms += 500;
    expect(new Set(choices(mesh, 20)).has(name)).toBe(true);
  });
});

describe("a request", () => {
  it("goes to none of the replicas it excludes, and only to those with its weights", async () => {
    const mesh = await startFakeMesh({ replicas: 3 });
    mesh.process("c").description.modelVersion = "2";
    await mesh.pass();
    const first = mesh.reserved({ modelVersion: "1" });
    const second = mesh.reserved({ modelVersion: "1", exclude: new Set([first.replica]) });
    expect([first.replica.name, second.replica.name].sort()).toEqual(["a", "b"]);
    for (let i = 0; i < 5; i++) expect(mesh.reserved({ modelVersion: "2" }).replica.name).toBe("c");
    const exclude = new Set([first.replica, second.replica]);
    expect(() => mesh.reserve({ modelVersion: "1", exclude })).toThrow(
      "no replica of m can take it now; a: was tried; b: was tried; c: has other weights",
    );
  });

  it("goes where its beginning was served before, and not after that replica has restarted", async () => {
    const mesh = await startFakeMesh({ replicas: 4 });
    const like = { prefixKeys: [1, 2, 3, 4, 5, 6, 7, 8], promptTokens: 600 };
    const served = () => {
      const reservation = mesh.reserved(like);
      reservation.firstToken(50);
      reservation.end("ok");
      return reservation.replica.name;
    };
    const home = served();
    mesh.process(home).description.finished = 10n;
    await mesh.pass();
    for (let i = 0; i < 10; i++) expect(served()).toBe(home);
    expect(mesh.state(home).prefixKeys).toBe(8);
    mesh.process(home).description.finished = 0n;
    await mesh.pass();
    expect(mesh.state(home).prefixKeys).toBe(0);
  });

  it("is predicted once something was measured, and explained on demand", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    const first = mesh.reserved();
    expect(first.predictedTtftMs).toBeUndefined();
    first.firstToken(164);
    first.end("ok");
    const second = mesh.reserved({ promptTokens: 200 });
    expect(second.predictedTtftMs).toBeCloseTo(264, 0);
    expect(second.explain()).toEqual({
      policy: "affinity-then-wait",
      chosen: "a",
      why: "the only one with room",
      candidates: [
        {
          name: "a",
          score: "first token in 264.0 ms, 1 of 5 outstanding, holds 0 prompt tokens",
          outstanding: 1,
          limit: 5,
          expectedTtftMs: second.predictedTtftMs,
          heldTokens: 0,
        },
      ],
    });
  });

  it("explains what it was chosen for, not what it changed", async () => {
    const mesh = await startFakeMesh();
    const like = { prefixKeys: [1, 2, 3, 4], promptTokens: 300 };
    expect(
      mesh
        .reserved(like)
        .explain()
        .candidates.every(({ heldTokens }) => heldTokens === 0),
    ).toBe(true);
    const { why, candidates, chosen } = mesh.reserved(like).explain();
    expect(why).toBe("holds the beginning of the prompt");
    expect(candidates.find(({ name }) => name === chosen)?.heldTokens).toBeGreaterThan(200);
  });

  it("prefers the replica that was quicker, and tries the slow one again after a while", async () => {
    const mesh = await startFakeMesh({ policy: "estimated-wait" });
    const speed: Record<string, number> = { a: 400, b: 40 };
    const once = () => {
      const reservation = mesh.reserved();
      reservation.firstToken(speed[reservation.replica.name] ?? 0);
      reservation.end("ok");
      return reservation.replica.name;
    };
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 5; i++) once();
      await mesh.pass();
    }
    expect(Array.from({ length: 10 }, once)).toEqual(Array.from({ length: 10 }, () => "b"));
    // The quick one gets slow: the other one must not be shunned for what it was long ago.
    speed.b = 4000;
    const later: string[] = [];
    for (let second = 0; second < 60; second++) {
      for (let i = 0; i < 5; i++) later.push(once());
      await mesh.pass();
    }
    expect(later.slice(-50)).toContain("a");
  });
});

describe("a replica that dies", () => {
  it("gets nothing more after the first request that it lost, and comes back by itself", async () => {
    const mesh = await startFakeMesh();
    const lost = mesh.reserved();
    const { name } = lost.replica;
    mesh.process(name).isDown = true;
    lost.end(refused());
    expect(mesh.state(name).state).toBe("doubted");
    expect(new Set(choices(mesh, 4)).has(name)).toBe(false);
    await mesh.settled();
    expect(mesh.state(name)).toMatchObject({ state: "unreachable", reason: "does not answer: connection refused" });
    expect(mesh.changes.at(-1)).toBe(`${name} out`);
    mesh.process(name).isDown = false;
    await mesh.pass();
    expect(mesh.changes.at(-1)).toBe(`${name} in`);
    expect(new Set(choices(mesh, 30)).has(name)).toBe(true);
  });

  it("stays where it only lost one request and still answers", async () => {
    const mesh = await startFakeMesh();
    const lost = mesh.reserved();
    lost.end(new UnavailableError("the stream was reset"));
    await mesh.settled();
    expect(mesh.state(lost.replica.name).state).toBe("serving");
  });

  it("is not cleared by an answer that was under way when it was lost", async () => {
    const mesh = await startFakeMesh();
    const process = mesh.process("a");
    const { promise, resolve } = Promise.withResolvers<void>();
    process.gate = promise;
    const ticked = mesh.pass();
    failAt(mesh, "a", refused, 1);
    process.gate = undefined;
    process.isDown = true;
    const asked = process.asked;
    resolve();
    await ticked;
    await mesh.settled();
    expect(process.asked).toBeGreaterThan(asked);
    expect(mesh.state("a").state).toBe("unreachable");
  });

  it("makes those that wait learn at once that there is nobody left, with a reason for each", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    const lost = mesh.reserved();
    mesh.process("a").isDown = true;
    lost.end(refused());
    // It may be well: until it has answered, there is something to wait for.
    expect(mesh.reserve()).toBeUndefined();
    mesh.roomFor.length = 0;
    await mesh.settled();
    expect(mesh.roomFor).toContain("m");
    expect(() => mesh.reserve()).toThrow("no replica of m can take it now; a: does not answer: connection refused");
  });

  it("is tried with one request at a time when it comes back beside others", async () => {
    const mesh = await startFakeMesh();
    mesh.process("a").isDown = true;
    await mesh.pass();
    mesh.process("a").isDown = false;
    await mesh.pass();
    expect(mesh.state("a")).toMatchObject({ state: "on-trial", reason: expect.stringContaining("it was away") });
    const taken = fill(mesh);
    expect(taken.filter(({ replica }) => replica.name === "a")).toHaveLength(1);
    mesh.roomFor.length = 0;
    taken.find(({ replica }) => replica.name === "a")?.firstToken(20);
    expect(mesh.roomFor).toContain("m");
    expect(fill(mesh)).toHaveLength(4);
  });

  it("that is the only one serves at once when it comes back", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    mesh.process("a").isDown = true;
    await mesh.pass();
    expect(() => mesh.reserve()).toThrow(UnavailableError);
    mesh.process("a").isDown = false;
    await mesh.pass();
    expect(fill(mesh)).toHaveLength(5);
  });
});

describe("a replica that fails requests", () => {
  it("is left out after five, with a reason, and tried again later", async () => {
    const mesh = await startFakeMesh({ replicas: 3 });
    failAt(mesh, "a", () => new InternalError("out of memory"), 5);
    expect(mesh.state("a")).toMatchObject({
      state: "ejected",
      reason: "5 failures in 10 s, last: out of memory; tries again in 3 s",
    });
    expect(new Set(choices(mesh, 30))).toEqual(new Set(["b", "c"]));
    mesh.clock.ms += 3000;
    expect(mesh.state("a").state).toBe("on-trial");
    failAt(mesh, "a", () => new InternalError("out of memory"), 1);
    expect(mesh.state("a").reason).toMatch(/tries again in 6 s$/);
    mesh.clock.ms += 6000;
    expect(new Set(choices(mesh, 30)).has("a")).toBe(true);
    expect(mesh.state("a").state).toBe("serving");
  });

  it("is not blamed for requests that are no good, nor for callers that leave", async () => {
    const mesh = await startFakeMesh({ replicas: 2 });
    for (let i = 0; i < 40; i++) {
      mesh.reserved().end(new InvalidRequestError([{ field: "stop", description: "is too long" }]));
      mesh.reserved().end("cancelled");
    }
    expect(mesh.pool.snapshot().map(({ state }) => state)).toEqual(["serving", "serving"]);
  });

  it("stays where it is the only one: its errors are told as they are", async () => {
    const mesh = await startFakeMesh({ replicas: 1 });
    for (let i = 0; i < 20; i++) mesh.reserved().end(new InternalError("out of memory"));
    expect(mesh.state("a").state).toBe("serving");
  });

  it("is one of half of the replicas at most", async () => {
    const mesh = await startFakeMesh({ replicas: 5 });
    for (const name of ["a", "b", "c", "d"]) failAt(mesh, name, () => new InternalError("defect"), 5);
    const ejected = mesh.pool.snapshot().filter(({ state }) => state === "ejected");
    expect(ejected.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it("is taken in again where the others are gone", async () => {
    const mesh = await startFakeMesh({ replicas: 2 });
    failAt(mesh, "a", () => new InternalError("defect"), 5);
    expect(mesh.state("a").state).toBe("ejected");
    mesh.process("b").isDown = true;
    await mesh.pass();
    expect(mesh.reserved().replica.name).toBe("a");
  });

  it("is named with its reason where the others were tried", async () => {
    const mesh = await startFakeMesh({ replicas: 2 });
    failAt(mesh, "a", () => new InternalError("defect"), 5);
    const exclude = new Set([mesh.reserved().replica]);
    expect(() => mesh.reserve({ exclude })).toThrow(
      "a: 5 failures in 10 s, last: defect; tries again in 3 s; b: was tried",
    );
  });

  it("is left out for first tokens far later than elsewhere, and measured afresh when it is tried", async () => {
    const mesh = await startFakeMesh({ replicas: 4, policy: "round-robin" });
    const once = (slow: number) => {
      const reservation = mesh.reserved();
      reservation.firstToken(reservation.replica.name === "a" ? slow : 60);
      reservation.end("ok");
    };
    for (let i = 0; i < 80; i++) once(600);
    await mesh.pass();
    expect(mesh.state("a").reason).toMatch(
      /^first tokens take \d+\.\d times as long as elsewhere \(600 ms on average\)/,
    );
    mesh.clock.ms += 3000;
    for (let i = 0; i < 8; i++) once(60);
    await mesh.pass();
    expect(mesh.state("a")).toMatchObject({ state: "serving", reason: undefined });
  });
});

describe("replicas behind a DNS name", () => {
  async function named(addresses: string[]) {
    const found = { now: addresses };
    const toAddress = (address: string): Address => ({ address, family: 4 });
    const mesh = await startFakeMesh({
      replicas: 0,
      urls: ["dns+http://inference:1"],
      lookup: async () => found.now.map(toAddress),
    });
    return { mesh, found };
  }

  it("are those of its addresses, as they come and go", async () => {
    const { mesh, found } = await named(["10.1.0.1"]);
    const [one, two] = [mesh.add("10.1.0.1", "one"), mesh.add("10.1.0.2", "two")];
    await mesh.pass();
    expect(choices(mesh, 1)).toEqual(["one"]);
    found.now = ["10.1.0.1", "10.1.0.2"];
    await mesh.pass(5);
    expect(new Set(choices(mesh, 20))).toEqual(new Set(["one", "two"]));
    fill(mesh);
    found.now = ["10.1.0.2"];
    await mesh.pass(5);
    // Its open stream goes on, nothing new comes.
    expect(mesh.state("one")).toMatchObject({ state: "leaving", open: 5 });
    expect(mesh.pool.reserve(mesh.request(), { urgent: true })?.replica.name).toBe("two");
    expect(mesh.pool.model("m").slots).toBe(4);
    expect([one.isClosed, two.isClosed]).toEqual([false, false]);
  });

  it("are let go when their streams have ended", async () => {
    const { mesh, found } = await named(["10.1.0.1", "10.1.0.2"]);
    const one = mesh.add("10.1.0.1", "one");
    mesh.add("10.1.0.2", "two");
    await mesh.pass();
    const open = fill(mesh).filter(({ replica }) => replica.name === "one");
    found.now = ["10.1.0.2"];
    await mesh.pass(10);
    expect(mesh.state("one").open).toBe(5);
    for (const each of open) each.end("ok");
    await mesh.pass();
    expect(mesh.pool.snapshot().map(({ name }) => name)).toEqual(["two"]);
    expect(one.isClosed).toBe(true);
  });

  it("come back when their address does, before they were let go", async () => {
    const { mesh, found } = await named(["10.1.0.1"]);
    mesh.add("10.1.0.1", "one");
    await mesh.pass();
    const open = mesh.reserved();
    found.now = [];
    await mesh.pass(5);
    expect(() => mesh.reserve()).toThrow("one: is leaving");
    found.now = ["10.1.0.1"];
    await mesh.pass(5);
    expect(mesh.reserved().replica).toBe(open.replica);
  });

  it("are not doubled by their own load reports", async () => {
    const { mesh } = await named(["10.1.0.1"]);
    mesh.add("10.1.0.1", "one");
    await mesh.pass();
    mesh.report("one", { busySlots: 3 });
    expect(mesh.pool.snapshot()).toMatchObject([{ name: "one", outstanding: 3 }]);
  });
});

describe("models", () => {
  it("are those of the replicas, with all their slots", async () => {
    const mesh = await startFakeMesh({ replicas: 3 });
    mesh.process("c").description.model = "other";
    await mesh.pass();
    expect(mesh.pool.models.map(({ id, slots }) => [id, slots])).toEqual([
      ["m", 8],
      ["other", 4],
    ]);
    expect(mesh.reserved({ model: "other" }).replica.name).toBe("c");
    expect(() => mesh.pool.model("")).toThrow("is empty; choose one of m, other");
    expect(() => mesh.pool.model("x")).toThrow('model "x" is not served here; served: m, other');
    mesh.process("c").description.model = "m";
    await mesh.pass();
    expect(mesh.pool.model("").slots).toBe(12);
    expect(() => mesh.reserve({ model: "other" })).toThrow(UnavailableError);
  });

  it("are none before a replica has answered", async () => {
    const mesh = await startFakeMesh({ replicas: 0, urls: ["http://10.9.0.1:1"] });
    expect(() => mesh.pool.model("")).toThrow("no inference replica has answered yet");
    expect(mesh.pool.models).toEqual([]);
  });
});

describe("the bound of the pool", () => {
  it("holds against load reports from everywhere", async () => {
    const mesh = await startFakeMesh();
    for (let i = 0; i < 1000; i++) {
      const { name } = { name: `r${i}` };
      mesh.add(`10.2.${i >> 8}.${i & 255}`, name);
      mesh.report(name, { busySlots: 0 });
    }
    expect(mesh.pool.snapshot().length).toBe(512);
  });
});

it("changes its policy between two requests", async () => {
  const mesh = await startFakeMesh({ replicas: 2, policy: "round-robin" });
  expect(choices(mesh, 4).sort()).toEqual(["a", "a", "b", "b"]);
  mesh.pool.setPolicy("two-choices");
  const reservation = mesh.reserved();
  expect(reservation.explain().policy).toBe("two-choices");
  reservation.end("cancelled");
  expect([mesh.pool.serves("m"), mesh.pool.serves("none")]).toEqual([true, false]);
});
