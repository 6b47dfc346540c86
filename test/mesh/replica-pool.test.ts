// The pool of replicas against servers that really come, go and answer; what it makes of that is tested beside it.
import { create } from "@bufbuild/protobuf";
import { LoadReportedSchema } from "@chimera/contracts/events";
import { InferenceService } from "@chimera/contracts/inference";
import { systemRandom, UnavailableError } from "@chimera/kernel";
import { type RpcServer, startServer } from "@chimera/rpc";
import { until } from "@chimera/testkit";
import { afterEach, describe, expect, it } from "vitest";
import type { PolicyName } from "../../services/router/src/balance/policies.ts";
import { rawRelay } from "../../services/router/src/relay/raw-relay.ts";
import { ReplicaPool } from "../../services/router/src/replica/replica-pool.ts";

const open: { close(): void | Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** A replica that says who it is, and whose one stream goes on until it is left. */
async function startReplica(replica: string, port = 0): Promise<RpcServer & { readonly looks: number }> {
  const count = { looks: 0 };
  const server = await startServer({
    name: replica,
    host: "127.0.0.1",
    port,
    services: [InferenceService],
    logger: { error: () => undefined },
    routes: (router) =>
      void router.service(InferenceService, {
        describe: () => {
          count.looks += 1;
          return { replica, model: "m", modelVersion: "1", slots: 8, maxQueued: 8 };
        },
        async *generate(_request, { signal }) {
          yield { part: { case: "accepted", value: { servedBy: replica } } };
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
        },
      }),
  });
  open.push(server);
  return Object.defineProperty(server, "looks", { get: () => count.looks }) as RpcServer & { readonly looks: number };
}

async function startPool(urls: readonly string[], policy?: PolicyName) {
  const time = { ms: 0 };
  const changes: string[] = [];
  const pool = new ReplicaPool({
    urls,
    random: systemRandom,
    clock: { nowMs: () => time.ms, monotonicMs: () => time.ms },
    openRelay: (url) => rawRelay(url),
    ...(policy && { policy }),
    onChange: ({ url, reachable }) => void changes.push(`${url} ${reachable}`),
  });
  open.push(pool);
  await pool.start();
  /** Of those that have said who they are. */
  const names = () => pool.snapshot().flatMap(({ name }) => (name.startsWith("http") ? [] : [name]));
  return { pool, time, changes, names };
}

const reportOf = (replica: string, url: string, busySlots = 0, queuedRequests = 0) =>
  create(LoadReportedSchema, { replica, url, model: "m", load: { busySlots, queuedRequests } });
const urlOf = ({ address }: RpcServer) => `http://${address}`;

describe("the pool of replicas", () => {
  it("learns of a replica from its report and sends to it once it has said what it serves", async () => {
    const [fixed, other] = [await startReplica("fixed"), await startReplica("other")];
    const { pool, names } = await startPool([urlOf(fixed)]);
    expect(names()).toEqual(["fixed"]);
    pool.note(reportOf("other", urlOf(other)));
    pool.note(reportOf("other", urlOf(other)));
    await until("the other one", () => names().length === 2);
    expect(names().sort()).toEqual(["fixed", "other"]);
  });

  it("does not take another address of a replica for another replica, whichever was known first", async () => {
    const server = await startReplica("one");
    const byName = `http://localhost:${server.port}`;
    const { pool, names, changes } = await startPool([byName]);
    pool.note(reportOf("one", urlOf(server)));
    expect(names()).toEqual(["one"]);
    // Where the report comes first, both are there until the one of the settings has answered.
    const late = await startPool([byName.replace(/\d+$/, "1")]);
    late.pool.note(reportOf("one", urlOf(server)));
    await until("the discovered one", () => late.names().length === 1);
    expect(changes).toEqual([`${byName} true`]);
  });

  it("hears nothing in what is no address", async () => {
    const { pool, names } = await startPool([]);
    for (const url of ["", "nowhere", "ftp://127.0.0.1:1", "file:///etc/passwd"]) pool.note(reportOf("x", url));
    expect(names()).toEqual([]);
  });

  it("forgets a discovered replica that is silent, and keeps one of the settings", async () => {
    const [fixed, found] = [await startReplica("fixed"), await startReplica("found")];
    const { pool, time, changes, names } = await startPool([urlOf(fixed)]);
    pool.note(reportOf("found", urlOf(found)));
    await until("the discovered one", () => names().length === 2);
    await Promise.all([fixed.close(), found.close()]);
    await until("both to be unreachable", () => changes.filter((change) => change.endsWith("false")).length === 2);
    expect(names()).toHaveLength(2);
    time.ms += 5001;
    await until("the discovered one to be forgotten", () => names().length === 1);
    expect(names()).toEqual(["fixed"]);
  });

  it("keeps a discovered replica that answers, although no report comes through", async () => {
    const found = await startReplica("found");
    const { pool, time, names } = await startPool([]);
    pool.note(reportOf("found", urlOf(found)));
    await until("it", () => names().length === 1);
    time.ms += 60_000;
    const looks = found.looks;
    await until("two more looks at it", () => found.looks >= looks + 2);
    expect(names()).toEqual(["found"]);
  });
});

describe("the choice between replicas", () => {
  it("counts what one reports of others' requests, and what was sent there since", async () => {
    const servers = [await startReplica("a"), await startReplica("b")];
    const { pool } = await startPool(servers.map(urlOf), "least-outstanding");
    const [a = "", b = ""] = servers.map(urlOf);
    const taken = () => pool.reserve({ model: "m", prefixKeys: [], promptTokens: 10 })?.replica.name;
    pool.note(reportOf("a", a, 2));
    pool.note(reportOf("b", b, 0));
    expect([taken(), taken()]).toEqual(["b", "b"]);
    pool.note(reportOf("a", a, 0));
    expect(taken()).toBe("a");
  });

  it("leaves a dead replica out after one failure, and takes it back when it answers again", async () => {
    const servers = [await startReplica("a"), await startReplica("b")];
    const { pool } = await startPool(servers.map(urlOf), "least-outstanding");
    const reserve = () => pool.reserve({ model: "m", prefixKeys: [], promptTokens: 10 });
    const first = reserve();
    const dead = first?.replica.name;
    first?.end(new UnavailableError("connection refused"));
    const others = Array.from({ length: 4 }, reserve);
    expect(others.every((reservation) => reservation?.replica.name !== dead)).toBe(true);
    for (const reservation of others) reservation?.end("ok");
    await until("it to be asked and taken back", () => {
      const reservation = reserve();
      reservation?.end("cancelled");
      return reservation?.replica.name === dead;
    });
  });

  it("finds a replica that was killed dead, says how, and tries it when it is back on its port", async () => {
    const [steady, mortal] = [await startReplica("steady"), await startReplica("mortal")];
    const { pool } = await startPool([urlOf(steady), urlOf(mortal)]);
    const stateOf = (name: string) => pool.snapshot().find((each) => each.name === name);
    await mortal.close();
    await until("it to be found dead", () => stateOf("mortal")?.state === "unreachable");
    expect(stateOf("mortal")?.reason).toMatch(/^does not answer: .*ECONNREFUSED/);
    await steady.close();
    await until("both to be", () => stateOf("steady")?.state === "unreachable");
    expect(() => pool.reserve({ model: "m", prefixKeys: [], promptTokens: 10 })).toThrow(
      /^no replica of m can take it now; steady: does not answer: .*; mortal: does not answer: /,
    );
    await startReplica("mortal", mortal.port);
    await until("it to serve again", () => stateOf("mortal")?.state === "serving");
  });
});
