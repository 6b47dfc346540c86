// A log that can only grow, on a real nats-server: two writers, no deletion, and a server that starts again.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppendLog, connectEvents, type EventBus } from "@chimera/events";
import { findNatsServer, freePorts, meshPaths, type NatsServer, startNats } from "@chimera/supervisor";
import { until } from "@chimera/testkit";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, it } from "vitest";

const logger = { info: () => undefined, warn: () => undefined };
let folder: string;
let port: number;
let nats: NatsServer | undefined;
const buses: EventBus[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-log-"));
  [port = 0] = await freePorts(1);
  await startServer();
});
afterEach(async () => {
  for (const bus of buses.splice(0)) await bus.close();
  await nats?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startServer(): Promise<void> {
  // The environment is left out on purpose: this test stops its server, so it must be one of its own.
  const found = await findNatsServer({ env: { PATH: process.env.PATH }, installDir: meshPaths().natsInstall });
  if (found.kind !== "program") throw new Error("no nats-server program");
  nats = await startNats({ program: found.path, dataDir: folder, logDir: folder, port, env: {} });
}

async function openLog(): Promise<{ log: AppendLog; bus: EventBus }> {
  const bus = await connectEvents({ url: `nats://127.0.0.1:${port}`, name: "test", logger });
  buses.push(bus);
  return { log: bus.openLog("LEDGER"), bus };
}

async function texts(log: AppendLog, after = 0): Promise<string[]> {
  const read: string[] = [];
  for await (const { sequence, payload } of log.read(after)) read.push(`${sequence} ${Buffer.from(payload)}`);
  return read;
}

it("takes a record only from who knew the last one, keeps it through a restart, and lets none go", async () => {
  const [{ log, bus }, { log: other }] = [await openLog(), await openLog()];
  expect(await texts(log)).toEqual([]);
  await log.append(Buffer.from("a"), 0);
  await expect(other.append(Buffer.from("b"), 0)).rejects.toThrow("newer record");
  const race = await Promise.allSettled([log.append(Buffer.from("c"), 1), other.append(Buffer.from("d"), 1)]);
  expect(race.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(await texts(other)).toEqual([expect.stringMatching("1 a"), expect.stringMatching(/2 [cd]/)]);

  const connection = await connect({ servers: `nats://127.0.0.1:${port}` });
  const manager = await jetstreamManager(connection);
  await expect(manager.streams.deleteMessage("CHIMERA_LEDGER", 1)).rejects.toThrow();
  await expect(manager.streams.purge("CHIMERA_LEDGER")).rejects.toThrow();
  await connection.close();

  await nats?.stop();
  await until("the outage", () => !bus.connected);
  await expect(log.append(Buffer.from("e"), 2)).rejects.toMatchObject({ kind: "unavailable" });
  await startServer();
  await until("NATS again", () => bus.connected);
  await log.append(Buffer.from("e"), 2);
  expect(await texts(log, 2)).toEqual(["3 e"]);
  expect(await log.lastSequence()).toBe(3);
});
