// Inference replicas that no setting names: routers find them by their load reports, and send by what those say.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Role } from "@chimera/contracts/common";
import type { LoadReported } from "@chimera/contracts/events";
import { InferenceService } from "@chimera/contracts/inference";
import { connectEvents } from "@chimera/events";
import { freePorts, repositoryRoot } from "@chimera/supervisor";
import { ask, openAnswer, startTestMesh, type TestMesh, ticket, until } from "@chimera/testkit";
import { expect, it } from "vitest";

const silent = { info: () => undefined, warn: () => undefined };

/** A replica of its own, beside those the mesh was started with. */
async function addReplica(test: TestMesh, name: string) {
  const [port = 0] = await freePorts(1);
  const child = spawn(process.execPath, [join(repositoryRoot, "services/inference/src/main.ts")], {
    env: {
      PATH: process.env.PATH,
      INFERENCE_PORT: String(port),
      INFERENCE_REPLICA: name,
      INFERENCE_STATE_DIR: "off",
      CHIMERA_NATS_URL: test.mesh.natsUrl,
      CHIMERA_LOG_LEVEL: "silent",
    },
    stdio: "ignore",
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Every report that is heard, newest last. */
async function listen(test: TestMesh) {
  const bus = await connectEvents({ url: test.mesh.natsUrl, name: "listener", logger: silent });
  const reports: LoadReported[] = [];
  bus.listen({
    kinds: ["loadReported"],
    handle: (event) => void (event.kind === "loadReported" && reports.push(event.message)),
  });
  return { reports, [Symbol.asyncDispose]: () => bus.close() };
}

let asked = 0;
const servedBy = async (test: TestMesh) =>
  (await ask(test.router, ticket(`order ${asked++} . my parcel has not arrived`))).accepted.servedBy;

it("a replica that joins gets requests, and its end fails none of them", async () => {
  await using test = await startTestMesh();
  await using heard = await listen(test);
  expect(await servedBy(test)).toBe("inference");
  {
    await using added = await addReplica(test, "added");
    await until("its first report", () =>
      heard.reports.some(({ replica, url }) => replica === "added" && url === added.url),
    );
    await until("an answer of it", async () => (await servedBy(test)) === "added");
    const both = new Set(await Promise.all(Array.from({ length: 16 }, () => servedBy(test))));
    expect([...both].sort()).toEqual(["added", "inference"]);
  }
  const after = await Promise.all(Array.from({ length: 24 }, () => servedBy(test)));
  expect(new Set(after)).toEqual(new Set(["inference"]));
});

it("a replica reports what it works on for others, and the router sends to the idle one", async () => {
  await using test = await startTestMesh({ replicas: { inference: 2 } });
  await using heard = await listen(test);
  const last = (name: string) => heard.reports.findLast(({ replica }) => replica === name)?.load;
  await until("reports of both", () => ["inference", "inference-2"].every((name) => last(name) !== undefined));
  // Asked at its own door, so that the router has no request of its own open there.
  const direct = test.client(InferenceService, test.mesh.process("inference-2").url);
  const caller = new AbortController();
  const holders = Array.from({ length: 4 }, async () => {
    const sampling = { temperature: 1, maxTokens: 900, stop: ["@@@"] };
    for (;;) for await (const _ of direct.generate({ prompt: "hi", sampling }, { signal: caller.signal })) void _;
  });
  await until("it to be reported busy", () => (last("inference-2")?.busySlots ?? 0) >= 3);
  const answers: string[] = [];
  for (let i = 0; i < 10; i++) answers.push(await servedBy(test));
  caller.abort();
  await Promise.allSettled(holders);
  expect(answers.filter((name) => name === "inference").length).toBeGreaterThanOrEqual(9);
  await until("it to be reported idle", () => last("inference-2")?.busySlots === 0);
});

it("limits and warm prefixes change behind a running mesh without a request noticing", async () => {
  await using test = await startTestMesh();
  const stories = Array.from({ length: 6 }, (_, i) => openAnswer(test.router, ticket(`story ${i}`)));
  const messages = [
    { role: Role.SYSTEM, content: "you are the triage desk . read the ticket and give intent and priority ." },
  ];
  const warmed = await test.inference.warmPrefix({ messages });
  expect(warmed.savedBytes).toBeGreaterThan(0n);
  for (const slots of [1, 16, 2, 8]) expect((await test.inference.setLimits({ slots })).slots).toBe(slots);
  for (const story of stories) {
    let last = "";
    for await (const { part } of story) last = part.case ?? "";
    expect(last).toBe("complete");
  }
});
