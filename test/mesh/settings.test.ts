// One change of settings for the whole mesh, while it serves: who takes it, how soon, what is different then, and the way back.
import { CachePolicy } from "@chimera/contracts/common";
import type { RequestFinished, SettingsApplied } from "@chimera/contracts/events";
import { connectEvents, type EventBus } from "@chimera/events";
import { systemClock } from "@chimera/kernel";
import { openSettings } from "@chimera/settings";
import { ask, cacheStatus, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { expect, it } from "vitest";

const silent = { info: () => undefined, warn: () => undefined };
const note = { changedBy: "test", reason: "to see" };
const SERVICES = ["cache", "inference", "router"];
/** What the project promises; a busy machine is given all of it. */
const BOUND_MS = 5000;

async function joined(test: TestMesh) {
  const bus = await connectEvents({ url: test.mesh.natsUrl, name: "test", logger: silent });
  const applied: SettingsApplied[] = [];
  const finished: RequestFinished[] = [];
  await bus.follow({
    kinds: ["settingsApplied", "requestFinished"],
    handle({ event }) {
      if (event.kind === "settingsApplied") applied.push(event.message);
      else if (event.kind === "requestFinished") finished.push(event.message);
    },
  });
  return { bus, applied, finished, [Symbol.asyncDispose]: () => bus.close() };
}

/** Of each service, in order of their names, once all have spoken of this version. */
async function answersTo(applied: readonly SettingsApplied[], version: number) {
  const told = await until(`every service on version ${version}`, () => {
    const own = applied.filter((each) => each.version === version);
    return own.length === SERVICES.length && own;
  });
  return told.toSorted((a, b) => a.service.localeCompare(b.service));
}

/** Restarts the server at its port, with its files. */
async function restartNats(test: TestMesh, bus: EventBus): Promise<void> {
  const { nats } = test.mesh;
  const before = nats?.process;
  before?.kill("SIGKILL");
  await until("NATS to be another process", () => nats?.process !== before && bus.connected);
}

it("is taken by all services within the bound, changes what they do, and can be taken back", async () => {
  await using test = await startTestMesh({ restart: true });
  await using mesh = await joined(test);
  const settings = openSettings(mesh.bus, systemClock);
  expect((await ask(test.router, ticket("before any version"))).accepted).toMatchObject({
    settingsVersion: 0,
    arm: "",
  });

  const startedAtMs = systemClock.monotonicMs();
  await settings.put(0, {
    ...note,
    predictionId: "p-1",
    router: {
      policy: "round-robin",
      defaultSampling: { temperature: 0 },
      arms: [
        { name: "short", share: 0.5, defaultSampling: { maxTokens: 2 } },
        { name: "long", share: 0.3 },
      ],
    },
    cache: { policy: "lru", capacityBytes: 1_000_000n, ttlS: 60 },
    inference: { slots: 3 },
  });
  const taken = await answersTo(mesh.applied, 1);
  const tookMs = systemClock.monotonicMs() - startedAtMs;
  expect(taken.map(({ service, applied, reason }) => [service, applied, reason])).toEqual(
    SERVICES.map((service) => [service, true, ""]),
  );
  expect(tookMs).toBeLessThan(BOUND_MS);
  expect(await test.inference.describe({})).toMatchObject({ slots: 3 });
  expect(await test.cache.stats({})).toMatchObject({ policy: "lru", capacityBytes: 1_000_000n });

  // Without a temperature the answer could not be repeated, and the cache would not be asked.
  const unset = { messages: ticket("where is my parcel").messages };
  const first = await ask(test.router, unset, { headers: { "x-chimera-session": "one" } });
  const again = await ask(test.router, unset, { headers: { "x-chimera-session": "one" } });
  expect([cacheStatus(first), cacheStatus(again)]).toEqual(["miss", "hit"]);
  expect(again.accepted).toMatchObject({ settingsVersion: 1, arm: first.accepted.arm });

  const arms = new Map<string, number>();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, i) => ask(test.router, unset, { headers: { "x-chimera-session": `s-${i}` } })),
  );
  for (const { accepted, complete } of answers) {
    arms.set(accepted.arm, (arms.get(accepted.arm) ?? 0) + 1);
    // An answer of the other arm in the cache would show here.
    if (accepted.arm === "short") expect(complete.usage?.completionTokens).toBe(2);
    else expect(complete.usage?.completionTokens).toBeGreaterThan(2);
  }
  // Four standard errors of 200 sessions.
  expect(Math.abs((arms.get("short") ?? 0) - 100)).toBeLessThan(29);
  expect(Math.abs((arms.get("long") ?? 0) - 60)).toBeLessThan(27);
  await until(
    "their outcomes",
    () => mesh.finished.filter(({ arm }) => arm === "short").length >= (arms.get("short") ?? 0),
  );
  expect(mesh.finished.findLast(({ arm }) => arm === "short")).toMatchObject({ settingsVersion: 1 });

  // The engine has room for sixteen: the others take the version, and this one says why it does not.
  await settings.put(1, { ...note, inference: { slots: 1000 } });
  const refused = (await answersTo(mesh.applied, 2)).find(({ applied }) => !applied);
  expect([refused?.service, refused?.reason]).toEqual(["inference", expect.stringMatching(/slots: 1000.*1 to 16/)]);
  expect(await test.inference.describe({})).toMatchObject({ slots: 3 });

  await restartNats(test, mesh.bus);
  expect((await settings.history()).map(({ version }) => version)).toEqual([1, 2]);
  await settings.rollbackTo(0, note);
  const back = await answersTo(mesh.applied, 3);
  expect(back.every(({ applied }) => applied)).toBe(true);
  expect(await test.inference.describe({})).toMatchObject({ slots: 8 });
  expect(await test.cache.stats({})).toMatchObject({ policy: "s3-fifo", capacityBytes: 67_108_864n });
  const after = await ask(test.router, { ...ticket("after all"), cachePolicy: CachePolicy.BYPASS });
  expect(after.accepted).toMatchObject({ settingsVersion: 3, arm: "" });
});
