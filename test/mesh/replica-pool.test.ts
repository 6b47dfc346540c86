import { create } from "@bufbuild/protobuf";
import { LoadReportedSchema } from "@chimera/contracts/events";
import { InferenceService } from "@chimera/contracts/inference";
import { systemRandom } from "@chimera/kernel";
import { type RpcServer, startServer } from "@chimera/rpc";
import { until } from "@chimera/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { Replica } from "../../services/router/src/replica/replica.ts";
import { ReplicaPool } from "../../services/router/src/replica/replica-pool.ts";

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** A replica that says who it is, and whose one stream goes on until it is left. */
async function startReplica(replica: string): Promise<RpcServer> {
  const server = await startServer({
    name: replica,
    host: "127.0.0.1",
    port: 0,
    services: [InferenceService],
    logger: { error: () => undefined },
    routes: (router) =>
      void router.service(InferenceService, {
        describe: () => ({ replica, model: "m", modelVersion: "1" }),
        async *generate(_request, { signal }) {
          yield { part: { case: "accepted", value: { servedBy: replica } } };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      }),
  });
  open.push(server);
  return server;
}

async function startPool(urls: readonly string[]) {
  const time = { ms: 0 };
  const changes: string[] = [];
  const pool = new ReplicaPool({
    urls,
    random: systemRandom,
    clock: { nowMs: () => time.ms, monotonicMs: () => time.ms },
    onChange: ({ url, reachable }) => void changes.push(`${url} ${reachable}`),
  });
  open.push(pool);
  await pool.start();
  const namesInOrder = () => pool.order("m").map(({ name }) => name);
  return { pool, time, changes, namesInOrder };
}

const reportOf = (replica: string, url: string, busySlots = 0, queuedRequests = 0) =>
  create(LoadReportedSchema, { replica, url, model: "m", load: { busySlots, queuedRequests } });
const urlOf = ({ address }: RpcServer) => `http://${address}`;

describe("the pool of replicas", () => {
  it("learns of a replica from its report and sends to it once it has said what it serves", async () => {
    const [fixed, other] = [await startReplica("fixed"), await startReplica("other")];
    const { pool, namesInOrder } = await startPool([urlOf(fixed)]);
    expect(namesInOrder()).toEqual(["fixed"]);
    pool.note(reportOf("other", urlOf(other)));
    pool.note(reportOf("other", urlOf(other)));
    await until("the other one", () => namesInOrder().length === 2);
    expect(namesInOrder().sort()).toEqual(["fixed", "other"]);
  });

  it("does not take another address of a replica for another replica, whichever was known first", async () => {
    const server = await startReplica("one");
    const byName = `http://localhost:${server.port}`;
    const { pool, namesInOrder, changes } = await startPool([byName]);
    pool.note(reportOf("one", urlOf(server)));
    expect(namesInOrder()).toEqual(["one"]);
    // Where the report comes first, both are there until the one of the settings has answered.
    const late = await startPool([byName.replace(/\d+$/, "1")]);
    late.pool.note(reportOf("one", urlOf(server)));
    await until("the discovered one", () => late.namesInOrder().length === 1);
    expect(changes).toEqual([`${byName} true`]);
  });

  it("hears nothing in what is no address", async () => {
    const { pool, namesInOrder } = await startPool([]);
    for (const url of ["", "nowhere", "ftp://127.0.0.1:1", "file:///etc/passwd"]) pool.note(reportOf("x", url));
    expect(namesInOrder()).toEqual([]);
  });

  it("forgets a discovered replica that is silent, and keeps one of the settings", async () => {
    const [fixed, found] = [await startReplica("fixed"), await startReplica("found")];
    const { pool, time, changes, namesInOrder } = await startPool([urlOf(fixed)]);
    pool.note(reportOf("found", urlOf(found)));
    await until("the discovered one", () => namesInOrder().length === 2);
    await Promise.all([fixed.close(), found.close()]);
    await until("both to be unreachable", () => changes.filter((change) => change.endsWith("false")).length === 2);
    expect(namesInOrder()).toHaveLength(2);
    time.ms += 5001;
    await until("the discovered one to be forgotten", () => namesInOrder().length === 1);
    expect(namesInOrder()).toEqual(["fixed"]);
  });

  it("keeps a discovered replica that answers, although no report comes through", async () => {
    const found = await startReplica("found");
    const { pool, time, namesInOrder } = await startPool([]);
    pool.note(reportOf("found", urlOf(found)));
    await until("it", () => namesInOrder().length === 1);
    time.ms += 60_000;
    const [replica] = pool.order("m");
    await until("the next look at it", () => replica?.isSilentFor(5000) === false);
    expect(namesInOrder()).toEqual(["found"]);
  });
});

describe("how busy a replica is taken to be", () => {
  async function two() {
    const servers = [await startReplica("a"), await startReplica("b")];
    const { pool, time } = await startPool(servers.map(urlOf));
    const find = (name: string): Replica => {
      const found = pool.order("m").find((replica) => replica.name === name);
      if (!found) throw new Error(`no ${name}`);
      return found;
    };
    const note = (name: string, busy: number, queued = 0) => pool.note(reportOf(name, find(name).url, busy, queued));
    const start = async (name: string) => {
      const caller = new AbortController();
      const stream = pool.open(find(name), { prompt: "x" } as never, caller.signal);
      await stream.next();
      return async () => {
        caller.abort();
        await stream.next().catch(() => undefined);
      };
    };
    return { pool, time, note, start, first: () => pool.order("m")[0]?.name, find };
  }

  it("counts what it reports of others' requests and what was sent there since", async () => {
    const { note, start, first, find } = await two();
    note("a", 2, 3);
    note("b", 4);
    expect([find("a").outstanding, find("b").outstanding, first()]).toEqual([5, 4, "b"]);
    const ends = [await start("b"), await start("b")];
    expect([find("b").outstanding, first()]).toEqual([6, "a"]);
    // Its next report knows of them.
    note("b", 2);
    expect([find("b").outstanding, first()]).toEqual([2, "b"]);
    for (const end of ends) await end();
    expect(find("b").open).toBe(0);
  });

  it("never takes it for less busy than this router itself makes it", async () => {
    const { note, start, find } = await two();
    const ends = [await start("a"), await start("a"), await start("a")];
    note("a", 0);
    expect(find("a").outstanding).toBe(3);
    for (const end of ends) await end();
    expect(find("a").outstanding).toBe(0);
  });

  it("does not believe an old report", async () => {
    const { note, time, first, find } = await two();
    note("a", 8);
    expect([find("a").outstanding, first()]).toEqual([8, "b"]);
    time.ms += 3001;
    expect(find("a").outstanding).toBe(0);
  });
});
