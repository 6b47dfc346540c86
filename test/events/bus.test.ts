// The event bus against a real nats-server that comes late, dies, and comes back.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { LoadReportedSchema, RequestFinishedSchema } from "@chimera/contracts/events";
import { type ChimeraEvent, connectEvents, type EventBus, type ReceivedEvent } from "@chimera/events";
import { findNatsServer, freePorts, meshPaths, type NatsServer, startNats } from "@chimera/supervisor";
import { until } from "@chimera/testkit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const logger = { info: () => undefined, warn: () => undefined };
let folder: string;
let port: number;
const open: EventBus[] = [];
let nats: NatsServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-events-"));
  [port = 0] = await freePorts(1);
});
afterEach(async () => {
  for (const bus of open.splice(0)) await bus.close();
  await nats?.stop();
  nats = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function startServer(): Promise<NatsServer> {
  // The environment is left out on purpose: this test kills its server, so it must be one of its own.
  const found = await findNatsServer({ env: { PATH: process.env.PATH }, installDir: meshPaths().natsInstall });
  if (found.kind !== "program") throw new Error("no nats-server program");
  nats = await startNats({ program: found.path, dataDir: folder, logDir: folder, port, env: {} });
  return nats;
}

async function bus(name = "test"): Promise<EventBus> {
  const made = await connectEvents({ url: `nats://127.0.0.1:${port}`, name, logger });
  open.push(made);
  return made;
}

function finished(requestId: string): ChimeraEvent {
  return { kind: "requestFinished", message: create(RequestFinishedSchema, { requestId, tenant: "a.b c" }) };
}

async function followed(): Promise<ReceivedEvent[]> {
  const seen: ReceivedEvent[] = [];
  await (await bus("reader")).follow({ kinds: ["requestFinished"], handle: (event) => void seen.push(event) });
  return seen;
}

describe("publish", () => {
  it("keeps what is published before NATS is there, and stores it once it is", async () => {
    const publisher = await bus();
    for (let i = 0; i < 50; i++) publisher.publish(finished(`r${i}`), `r${i}`);
    expect(publisher.connected).toBe(false);
    await startServer();
    await until("an empty outbox", () => publisher.outbox.published === 50);
    const seen = await followed();
    await until("fifty events", () => seen.length === 50);
    expect(seen.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, i) => `r${i}`));
  });

  it("stores an id once, however often it is published", async () => {
    await startServer();
    const publisher = await bus();
    for (const id of ["x", "x", "y", "x"]) publisher.publish(finished(id), id);
    await until("an empty outbox", () => publisher.outbox.queued === 0);
    const seen = await followed();
    await until("both events", () => seen.length >= 2);
    expect(seen.map(({ id }) => id)).toEqual(["x", "y"]);
  });

  it("loses and doubles nothing when the server is killed and comes back", async () => {
    const first = await startServer();
    const publisher = await bus();
    let count = 0;
    const publishSome = () => {
      for (let i = 0; i < 200; i++, count++) publisher.publish(finished(`r${count}`), `r${count}`);
    };
    publishSome();
    await until("some stored", () => publisher.outbox.published > 20);
    publishSome();
    first.process.kill("SIGKILL");
    await first.process.exited;
    publishSome();
    await startServer();
    publishSome();
    await until("all stored", () => publisher.outbox.queued === 0);
    const seen = await followed();
    await until("every event", () => new Set(seen.map(({ id }) => id)).size === count);
    expect(seen.length).toBe(count);
  });
});

describe("consume", () => {
  it("goes on where it stopped, and delivers again what its handler failed on", async () => {
    await startServer();
    const publisher = await bus();
    for (const id of ["a", "b", "c"]) publisher.publish(finished(id), id);
    const seen: string[] = [];
    let failed = false;
    const options = {
      durable: "worker",
      kinds: ["requestFinished"] as const,
      handle: ({ id }: ReceivedEvent) => {
        if (id === "b" && !failed) {
          failed = true;
          throw new Error("not this time");
        }
        seen.push(id);
      },
    };
    const consumption = await publisher.consume(options);
    await until("all three", () => seen.length === 3);
    expect(seen.toSorted()).toEqual(["a", "b", "c"]);
    await consumption.stop();
    publisher.publish(finished("d"), "d");
    const later = await bus("later");
    await later.consume(options);
    await until("the fourth", () => seen.length === 4);
    expect(seen.at(-1)).toBe("d");
  });
});

describe("follow", () => {
  it("reads from the beginning and goes on through a restart of the server", async () => {
    const first = await startServer();
    const publisher = await bus();
    for (const id of ["a", "b"]) publisher.publish(finished(id), id);
    const seen = await followed();
    await until("both", () => seen.length === 2);
    first.process.kill("SIGKILL");
    await first.process.exited;
    await startServer();
    publisher.publish(finished("c"), "c");
    await until("the third", () => seen.length >= 3);
    expect(seen.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  });
});

describe("replay", () => {
  const idsSince = async (reader: EventBus, sinceMs: number, signal?: AbortSignal) => {
    const ids: string[] = [];
    const handle = ({ id }: ReceivedEvent) => void ids.push(id);
    await reader.replay({ kind: "requestFinished", sinceMs, handle, ...(signal && { signal }) });
    return ids;
  };

  it("reads what was there from a time on and ends; one event can be read again by its place", async () => {
    await startServer();
    const publisher = await bus();
    await until("a connection", () => publisher.connected);
    expect(await idsSince(publisher, 0)).toEqual([]);
    const ids = Array.from({ length: 1200 }, (_, i) => `r${i}`);
    for (const id of ids) publisher.publish(finished(id), id);
    await until("an empty outbox", () => publisher.outbox.queued === 0);
    const received: ReceivedEvent[] = [];
    await publisher.replay({
      kind: "requestFinished",
      sinceMs: 0,
      handle: (event) => void received.push(event),
    });
    expect(received.map(({ id }) => id)).toEqual(ids);
    const middle = received[600];
    expect(await idsSince(publisher, (middle?.receivedAtMs ?? 0) + 60_000)).toEqual([]);
    expect(await publisher.eventAt("requestFinished", middle?.sequence ?? 0)).toEqual(middle?.event);
    expect(await publisher.eventAt("cacheChanged", middle?.sequence ?? 0)).toBeUndefined();
    expect(await publisher.eventAt("requestFinished", 99_999).catch(() => undefined)).toBeUndefined();
    await expect(idsSince(publisher, 0, AbortSignal.abort(new Error("left")))).rejects.toThrow("left");
  });

  it("says so where NATS is away", async () => {
    await expect(idsSince(await bus(), 0)).rejects.toThrow("no NATS");
  });

  it("lets a follower begin at a time instead of at the beginning", async () => {
    await startServer();
    const publisher = await bus();
    publisher.publish(finished("old"), "old");
    await until("an empty outbox", () => publisher.outbox.queued === 0);
    const seen: ReceivedEvent[] = [];
    const handle = (event: ReceivedEvent) => void seen.push(event);
    const all = await followed();
    await until("the first", () => all.length === 1);
    await (await bus("late")).follow({ kinds: ["requestFinished"], handle, sinceMs: (all[0]?.receivedAtMs ?? 0) + 1 });
    publisher.publish(finished("new"), "new");
    await until("the new one", () => seen.length > 0);
    expect(seen.map(({ id }) => id)).toEqual(["new"]);
  });
});

describe("announce and listen", () => {
  const reported = (replica: string, busySlots = 0): ChimeraEvent => ({
    kind: "loadReported",
    message: create(LoadReportedSchema, { replica, load: { busySlots } }),
  });
  const heardBy = (listener: EventBus) => {
    const heard: string[] = [];
    const listening = listener.listen({
      kinds: ["loadReported"],
      handle: ({ message }) => void heard.push("load" in message ? message.replica : "something else"),
    });
    return { heard, listening };
  };
  /** Announces until it is heard: a subscription reaches the server on its own time. */
  const announceUntil = (announcer: EventBus, event: ChimeraEvent, condition: () => boolean) =>
    until("an announcement to arrive", () => {
      announcer.announce(event);
      return condition();
    });

  it("reach whoever listens now, and leave nothing in the stream or the outbox", async () => {
    await startServer();
    const announcer = await bus("announcer");
    const { heard } = heardBy(await bus("listener"));
    await announceUntil(announcer, reported("in.ference 1"), () => heard.includes("in.ference 1"));
    expect(announcer.outbox).toMatchObject({ queued: 0, published: 0, dropped: 0 });
    // The first thing the stream ever stores comes after all of them.
    announcer.publish(finished("stored"), "stored");
    const seen = await followed();
    await until("the stored event", () => seen.length > 0);
    expect(seen[0]).toMatchObject({ id: "stored", sequence: 1 });
  });

  it("goes on after the server was killed and came back, and keeps nothing for it meanwhile", async () => {
    const first = await startServer();
    const announcer = await bus("announcer");
    const { heard } = heardBy(await bus("listener"));
    await announceUntil(announcer, reported("before"), () => heard.includes("before"));
    first.process.kill("SIGKILL");
    await first.process.exited;
    await until("the loss to be noticed", () => !announcer.connected);
    announcer.announce(reported("meanwhile"));
    await startServer();
    await announceUntil(announcer, reported("after"), () => heard.includes("after"));
    expect(heard).not.toContain("meanwhile");
  });

  it("survives a handler that throws, and hears nothing more once stopped", async () => {
    await startServer();
    const announcer = await bus("announcer");
    const listener = await bus("listener");
    let calls = 0;
    const failing = listener.listen({
      kinds: ["loadReported"],
      handle: () => {
        calls += 1;
        throw new Error("not today");
      },
    });
    const { heard } = heardBy(listener);
    await announceUntil(announcer, reported("a"), () => calls > 1 && heard.length > 1);
    await failing.stop();
    const callsAtStop = calls;
    const heardAtStop = heard.length;
    await announceUntil(announcer, reported("b"), () => heard.length > heardAtStop + 3);
    expect(calls).toBe(callsAtStop);
  });
});
