// The same question at two routers at the same time: one generation for all, which also survives the router that led it.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import type { GenerateResponse } from "@chimera/contracts/common";
import { FollowRequestSchema, RouterService } from "@chimera/contracts/router";
import { connectClient, RawChannel, type RpcClient, type RpcServer } from "@chimera/rpc";
import { type Mesh, startMesh } from "@chimera/supervisor";
import { type Answer, cacheStatus, openAnswer, readAnswer, until } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedStream, serveReplica } from "../doors/fake-mesh.ts";

const ROUTERS = ["router", "router-2"];

let folder: string;
let mesh: Mesh;
let replica: RpcServer;
/** Every generation that the replica was asked for. */
const streams: ServedStream[] = [];
const clients = new Map<string, RpcClient<typeof RouterService>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "chimera-flight-"));
  replica = await serveReplica((stream) => streams.push(stream));
  mesh = await startMesh({
    dataDir: join(folder, "data"),
    logDir: join(folder, "logs"),
    services: ["router", "cache"],
    replicas: { router: 2 },
    restart: false,
    // A busy machine is slow, and these tests are about everything but that.
    env: { ROUTER_CACHE_BUDGET_MS: "5000", ROUTER_FLIGHT_WAIT_MS: "60000" },
    serviceEnv: { router: { CHIMERA_INFERENCE_URLS: `http://${replica.address}` } },
  });
  for (const name of ROUTERS) clients.set(name, connectClient(RouterService, mesh.process(name).url));
});
afterAll(async () => {
  for (const { close } of clients.values()) close();
  await mesh?.stop();
  await replica?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Asked {
  router: string;
  /** Deltas it has. */
  readonly deltas: number;
  answer: Promise<Answer>;
}

function askAt(router: string, prompt: string): Asked {
  const client = clients.get(router)?.client;
  if (!client) throw new Error(`no client of ${router}`);
  let deltas = 0;
  async function* watched(parts: AsyncIterable<GenerateResponse>) {
    for await (const part of parts) {
      if (part.part.case === "delta") deltas += 1;
      yield part;
    }
  }
  const answer = readAnswer(watched(openAnswer(client, { prompt, sampling: { temperature: 0 } })));
  answer.catch(() => undefined);
  return {
    router,
    answer,
    get deltas() {
      return deltas;
    },
  };
}

function askEverywhere(count: number, prompt: string): Asked[] {
  return Array.from({ length: count }, (_, i) => askAt(ROUTERS[i % 2] ?? "router", prompt));
}

const allHave = (asked: readonly Asked[], deltas: number) =>
  until(`${deltas} deltas for all`, () => asked.every((each) => each.deltas >= deltas));

describe("sixty callers with one question, over two routers", () => {
  it("cause one generation, and all have all of it", async () => {
    const before = streams.length;
    const asked = askEverywhere(60, "sixty");
    const stream = await until("the generation", () => streams[before]);
    stream.accept();
    for (const text of ["a", "b", "c"]) stream.delta(text);
    await allHave(asked, 3);
    const late = askEverywhere(4, "sixty");
    await allHave(late, 3);
    stream.delta("d");
    stream.complete();
    const answers = await Promise.all([...asked, ...late].map(({ answer }) => answer));
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["abcd"]));
    expect(streams.length - before).toBe(1);
    const statuses = answers.map(cacheStatus);
    expect(statuses.filter((status) => status === "miss")).toHaveLength(1);
    expect(statuses.filter((status) => status === "joined")).toHaveLength(63);
    // Its end is its last reader's: whoever asks now is served from the cache, at either router.
    const after = await Promise.all(ROUTERS.map((router) => askAt(router, "sixty").answer));
    expect(after.map(cacheStatus)).toEqual(["hit", "hit"]);
  });

  it("is no way to read anything without the id of a flight", async () => {
    const channel = new RawChannel(mesh.process("router").url);
    const request = create(FollowRequestSchema, { flightId: randomBytes(16).toString("hex") });
    const call = channel.unary("/chimera.router.v1.RouterPeerService/Follow", toBinary(FollowRequestSchema, request));
    await expect(call).rejects.toMatchObject({ kind: "not-found" });
    channel.close();
  });
});

it("callers at the other router have an exact answer when the one that leads is killed in its middle", async () => {
  const before = streams.length;
  const texts = Array.from({ length: 12 }, (_, i) => `t${i} `);
  const first = askAt("router", "killed");
  const stream = await until("the generation", () => streams[before]);
  stream.accept();
  for (const text of texts.slice(0, 5)) stream.delta(text);
  const asked = Array.from({ length: 8 }, () => askAt("router-2", "killed"));
  await allHave([first, ...asked], 5);
  mesh.process("router").kill("SIGKILL");
  await stream.left.promise;
  const next = await until("another generation", () => streams[before + 1]);
  expect(next.request.resume).toMatchObject({ text: texts.slice(0, 5).join(""), nextSeq: 5 });
  next.accept();
  for (const text of texts.slice(5)) next.delta(text);
  next.complete();
  const answers = await Promise.all(asked.map(({ answer }) => answer));
  for (const { pieces } of answers) expect(pieces).toEqual(texts);
  expect(streams.length - before).toBe(2);
  await expect(first.answer).rejects.toThrow();
});
