// A real nats-server, as found on this machine or obtained by the supervisor.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { inheritedEnv } from "../config.ts";
import { freePorts } from "../free-port.ts";
import { meshPaths } from "../paths.ts";
import { findNatsServer } from "./find.ts";
import { readNatsInfo } from "./info.ts";
import { startNats } from "./server.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chimera-nats-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function start(port: number) {
  const { CHIMERA_NATS_URL: _, ...env } = inheritedEnv();
  const source = await findNatsServer({ env, installDir: meshPaths().natsInstall });
  if (source.kind !== "program") throw new Error("expected a program");
  return startNats({ program: source.path, dataDir: folder, logDir: folder, port, env });
}

it("serves JetStream on loopback, and ends when it is stopped", async () => {
  const [port = 0] = await freePorts(1);
  const nats = await start(port);
  expect(await readNatsInfo(nats.url, 1000)).toMatchObject({ jetstream: true });
  await nats.stop();
  expect(nats.process.exit?.signal).toBeNull(); // It shut down by itself, so its streams are whole.
  await expect(readNatsInfo(nats.url, 1000)).rejects.toThrow(/can not be reached/);
});

it("shows the end of its log where it can not start", async () => {
  const [port = 0] = await freePorts(1);
  const first = await start(port);
  await expect(start(port)).rejects.toThrow(/nats-server ended with exit code \d+[\s\S]*address already in use/);
  await first.stop();
});
