import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { CacheKeyInputSchema } from "@chimera/contracts/cache";
import { CacheControlSchema, CachePolicy, CacheStatus } from "@chimera/contracts/common";
import { type RequestFinished, RequestFinishedSchema } from "@chimera/contracts/events";
import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { type Caller, type FakeMesh, type FakeMeshOptions, type FakeRouter, fakeMesh } from "./fake-routers.ts";

function started(options: Partial<FakeMeshOptions> = {}): { mesh: FakeMesh; a: FakeRouter; b: FakeRouter } {
  const mesh = fakeMesh({ routers: 2, random: seededRandom(1), ...options });
  const [a, b] = mesh.routers as [FakeRouter, FakeRouter];
  return { mesh, a, b };
}

async function answered(mesh: FakeMesh, ...callers: Caller[]): Promise<void> {
  await mesh.settle();
  for (let i = 0; i < 20 && callers.some(({ outcome }) => outcome === undefined); i++) {
    for (const stream of mesh.streams) stream.step();
    await mesh.settle();
  }
}

function finished({ events }: FakeRouter): RequestFinished[] {
  return events.flatMap((event) => (event.kind === "requestFinished" ? [event.message] : []));
}

describe("a request that another router is answering", () => {
  it("reads along, says so, asks no replica, and stores nothing a second time", async () => {
    const { mesh, a, b } = started();
    const first = a.ask();
    await mesh.settle();
    const second = b.ask();
    await answered(mesh, first, second);
    expect(second.cache).toMatchObject({
      status: CacheStatus.JOINED,
      reason: "joined the same request, which another router is answering",
    });
    expect([first.cache?.status, second.seqs]).toEqual([CacheStatus.MISS, first.seqs]);
    expect([mesh.streams.length, mesh.stores.length]).toEqual([1, 1]);
    expect(finished(b)).toMatchObject([{ attempts: 0, servedBy: "engine", cache: { status: CacheStatus.JOINED } }]);
  });

  it("is answered at its own router where the other one has no first part in time", async () => {
    const { mesh, a, b } = started({ config: { flightWaitMs: 5 } });
    const first = a.ask();
    await mesh.settle();
    const second = b.ask();
    while (mesh.streams.length < 2) await new Promise(setImmediate);
    await answered(mesh, first, second);
    expect([first.outcome, second.outcome]).toEqual(["ok", "ok"]);
    expect(second.cache?.status).toBe(CacheStatus.MISS);
  });

  it("goes on behind what it has where the other router dies, and its caller sees one stream", async () => {
    const { mesh, a, b } = started();
    a.ask();
    await mesh.settle();
    const caller = b.ask();
    await mesh.settle();
    for (let i = 0; i < 4; i++) mesh.streams[0]?.step();
    await mesh.settle();
    expect(caller.seqs).toEqual([0, 1, 2]);
    a.die();
    await answered(mesh, caller);
    expect([caller.isWhole, caller.seqs]).toEqual([true, [0, 1, 2, 3, 4]]);
    expect(mesh.streams.map(({ fromSeq }) => fromSeq)).toEqual([0, 3]);
    expect(mesh.stores.length).toBe(1);
    expect(finished(b)).toMatchObject([{ status: "OK", resumptions: 1 }]);
  });

  it("can be read along with itself, by those who ask where it has taken over", async () => {
    const { mesh, a, b } = started({ routers: 3 });
    const c = mesh.routers[2] as FakeRouter;
    a.ask();
    await mesh.settle();
    const second = b.ask();
    await mesh.settle();
    for (let i = 0; i < 3; i++) mesh.streams[0]?.step();
    a.die();
    await mesh.settle();
    const third = c.ask();
    await answered(mesh, second, third);
    expect([second.seqs, third.seqs]).toEqual([
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ]);
    expect(mesh.streams.length).toBe(2);
  });
});

describe("only-if-cached", () => {
  it("is served what is stored, also where it was sampled, and fails where nothing is, without a generation", async () => {
    const { mesh, a } = started();
    const sampling = { temperature: 1 };
    const missed = a.ask({ sampling, cachePolicy: CachePolicy.ONLY_IF_CACHED });
    await mesh.settle();
    expect(missed.outcome).toMatchObject({ kind: "not-found", message: "not stored" });
    expect([mesh.streams.length, mesh.leases.size]).toEqual([0, 0]);
    await answered(mesh, a.ask({ sampling, cachePolicy: CachePolicy.ALLOW_SAMPLED }));
    const served = a.ask({ sampling, cachePolicy: CachePolicy.ONLY_IF_CACHED });
    await mesh.settle();
    expect([served.outcome, served.cache?.status]).toEqual(["ok", CacheStatus.HIT]);
    expect(finished(a).map(({ status }) => status)).toEqual(["NOT_FOUND", "OK", "OK"]);
  });
});

describe("an answer past its time", () => {
  it("is served at once, and made anew once in the background, also when its caller has left", async () => {
    let isStale = true;
    const { mesh, a } = started({ isStale: () => isStale });
    const sampled = { sampling: { temperature: 1 }, cachePolicy: CachePolicy.ALLOW_SAMPLED };
    const first = a.ask(sampled);
    await answered(mesh, first);
    const stale = a.ask(sampled);
    await mesh.settle();
    expect([stale.outcome, stale.cache?.status, stale.seqs]).toEqual(["ok", CacheStatus.STALE, first.seqs]);
    stale.controller.abort();
    isStale = false;
    await mesh.settle();
    expect([mesh.streams.length, a.context.refreshes.running]).toEqual([2, 1]);
    while (a.context.refreshes.running > 0) {
      mesh.streams[1]?.step();
      await mesh.settle();
    }
    expect(mesh.stores.length).toBe(2);
    const [, , refresh] = finished(a);
    expect(refresh).toMatchObject({ workload: "refresh", class: "batch", status: "OK", cacheKey: "" });
  });

  it("is not made anew by more than a bound at a time, nor once the router drains", async () => {
    const { mesh, a, b } = started({ isStale: () => true });
    const askAll = async (router: FakeRouter) => {
      const callers = Array.from({ length: 20 }, (_, i) => router.ask({ prompt: `question ${i}` }));
      await answered(mesh, ...callers);
    };
    await askAll(a);
    const before = mesh.streams.length;
    await askAll(a);
    expect(mesh.streams.length - before).toBe(16);
    a.die();
    await mesh.settle();
    expect(a.context.refreshes.running).toBe(0);
    expect(mesh.streams.filter(({ isLive }) => isLive)).toEqual([]);
    b.die();
    const stale = b.ask({ prompt: "question 1" });
    await mesh.settle();
    expect(stale.outcome).toBeDefined();
    expect(b.context.refreshes.running).toBe(0);
  });
});

describe("the log of requests", () => {
  const secret = "a secret question";
  const bytesOf = (events: readonly RequestFinished[]) =>
    Buffer.concat(events.map((event) => toBinary(RequestFinishedSchema, event))).toString("latin1");

  async function askThree(a: FakeRouter, mesh: FakeMesh, tenant?: string): Promise<void> {
    await answered(mesh, a.ask({ prompt: secret }, tenant));
    await answered(mesh, a.ask({ prompt: secret }, tenant));
    await answered(mesh, a.ask({ prompt: secret, cachePolicy: CachePolicy.BYPASS }, tenant));
  }

  it("has the key of every request that asked the cache, and no text of any", async () => {
    const { mesh, a } = started();
    await askThree(a, mesh);
    expect(finished(a).map(({ cacheKey }) => cacheKey)).toEqual(["ab", "ab", ""]);
    expect(bytesOf(finished(a))).not.toContain("secret");
  });

  it("has what was asked for tenants that turned it on, hits as well, up to a bound", async () => {
    const { mesh, a } = started({ config: { logPrompts: ["acme"] } });
    await askThree(a, mesh);
    const [miss, hit, bypassed] = finished(a);
    for (const event of [miss, hit]) {
      const logged = fromBinary(CacheKeyInputSchema, event?.loggedInput ?? new Uint8Array());
      expect(logged).toMatchObject({ tenant: "acme", prompt: secret, modelVersion: "v1" });
    }
    expect(bypassed?.loggedInput.length).toBe(0);
    await answered(mesh, a.ask({ prompt: "x".repeat(65 * 1024) }));
    expect(finished(a).at(-1)?.loggedInput.length).toBe(0);
    await askThree(a, mesh, "globex");
    expect(bytesOf(finished(a).slice(4))).not.toContain("secret");
  });
});

it("tells the cache how an answer is to be kept, and how old its request is", async () => {
  const { mesh, a } = started();
  const cacheControl = { ttlS: 60, staleS: 0, tags: ["doc:7"] };
  const caller = a.ask({ cacheControl });
  await mesh.settle();
  mesh.clock.ms += 250;
  await answered(mesh, caller);
  const [how] = mesh.stores;
  expect(how?.ageMs).toBe(250);
  const expected = create(CacheControlSchema, cacheControl);
  expect(fromBinary(CacheControlSchema, how?.control ?? new Uint8Array())).toEqual(expected);
});
