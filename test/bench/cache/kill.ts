// A cache that is killed while it writes, again and again: whatever it serves afterwards must be exactly what was once written
// for that very question of that very tenant.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { CacheService } from "@chimera/contracts/cache";
import { type Random, seededRandom } from "@chimera/kernel";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { checkHealth, freePorts, inheritedEnv, repositoryRoot, tail } from "@chimera/supervisor";
import { sampleAnswer, sampleInput, textOf } from "../../../services/cache/src/test-data.ts";
import { hasRedis, RedisServer } from "../../../services/cache/src/testing/redis-server.ts";
import type { BenchContext } from "../benchmark.ts";
import type { BenchResult } from "../result.ts";

const KILLS = { quick: { sqlite: 5, redis: 2 }, full: { sqlite: 100, redis: 20 } };
const WRITERS = 8;
const TENANTS = 4;
/** Few enough that most are written over many times, also by the write that the kill meets. */
const QUESTIONS = 200;
const MAX_TEXT_LENGTH = 60_000;
const MAX_WRITES_BEFORE_KILL = 150;
const START_TIMEOUT_MS = 60_000;
const POLL_MS = 20;
const READS_AT_A_TIME = 20;

type Cache = RpcClient<typeof CacheService>["client"];

interface Tally {
  kills: number;
  compared: number;
  wrong: number;
  reopenFailures: number;
}

export async function killResults(context: BenchContext): Promise<BenchResult[]> {
  const plan = KILLS[context.quick ? "quick" : "full"];
  const folder = await mkdtemp(join(tmpdir(), "chimera-kill-"));
  try {
    const file = new Trial(context, { folder, store: `sqlite://${join(folder, "answers.db")}` });
    const overSqlite = await file.run("SQLite", plan.sqlite);
    if (!hasRedis) {
      context.progress("no redis-server on PATH (apt-get install redis-server): its part is left out");
      return resultsOf(overSqlite, { kills: 0, compared: 0, wrong: 0, reopenFailures: 0 });
    }
    await using redis = await RedisServer.start();
    const overRedis = await new Trial(context, { folder, store: redis.url }).run("Redis", plan.redis);
    return resultsOf(overSqlite, overRedis);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function resultsOf(sqlite: Tally, redis: Tally): BenchResult[] {
  const sum = (of: keyof Tally) => sqlite[of] + redis[of];
  const how = `SIGKILL of a cache process while ${WRITERS} callers store answers of up to ${MAX_TEXT_LENGTH} characters: ${sqlite.kills} times over SQLite, ${redis.kills} times over a Redis server that goes on. After each, a new process on the same store is asked for every question of ${TENANTS} tenants.`;
  const count = { unit: "count", interval: null };
  return [
    { id: "cache.kills", value: sum("kills"), n: sum("kills"), method: how, ...count },
    {
      id: "cache.kill_wrong_answers",
      value: sum("wrong"),
      n: sum("compared"),
      method: `Answers served after a kill that equal none of those that were sent to be stored for that tenant and question: cut, mixed or another's. ${how}`,
      ...count,
    },
    {
      id: "cache.kill_reopen_failures",
      value: sum("reopenFailures"),
      n: sum("kills"),
      method: `Kills after which the next process did not serve, or met an answer in its store that it had to refuse. ${how}`,
      ...count,
    },
  ];
}

/** One store through many kills. */
class Trial {
  readonly #context: BenchContext;
  readonly #store: string;
  readonly #log: string;
  readonly #random: Random = seededRandom(17);
  /** Versions that were sent to be stored, by question; version and question make the text. */
  readonly #sent = Array.from({ length: TENANTS * QUESTIONS }, () => new Set<string>());
  #version = 0;
  readonly #tally: Tally = { kills: 0, compared: 0, wrong: 0, reopenFailures: 0 };

  constructor(context: BenchContext, { folder, store }: { folder: string; store: string }) {
    this.#context = context;
    this.#store = store;
    this.#log = join(folder, "cache.log");
  }

  async run(name: string, kills: number): Promise<Tally> {
    let cache = await this.#start();
    try {
      for (let kill = 1; kill <= kills; kill += 1) {
        this.#context.signal.throwIfAborted();
        this.#context.progress(`kill ${kill} of ${kills} over ${name}`);
        await this.#writeAndKill(cache);
        this.#tally.kills += 1;
        cache = await this.#start();
        await this.#compareAll(cache.client);
      }
      return this.#tally;
    } finally {
      await cache.kill();
    }
  }

  /** A process that does not come up is counted, and the next one tried; the second in a row ends the trial. */
  async #start(): Promise<CacheProcess> {
    const options = { store: this.#store, log: this.#log, context: this.#context };
    try {
      return await startCache(options);
    } catch (error) {
      this.#context.signal.throwIfAborted();
      this.#context.progress(String(error));
      this.#tally.reopenFailures += 1;
      return startCache(options);
    }
  }

  async #writeAndKill(cache: CacheProcess): Promise<void> {
    let left = 1 + Math.floor(this.#random() * MAX_WRITES_BEFORE_KILL);
    const writer = async () => {
      while (left > 0) {
        await this.#write(cache.client);
        left -= 1;
      }
      // The others have a write on its way.
      await cache.kill();
    };
    await Promise.allSettled(Array.from({ length: WRITERS }, writer));
  }

  async #write(client: Cache): Promise<void> {
    const number = Math.floor(this.#random() * this.#sent.length);
    const length = Math.floor(this.#random() ** 3 * MAX_TEXT_LENGTH);
    const text = textFor(number, { version: this.#version, length });
    this.#version += 1;
    this.#sent[number]?.add(text.slice(0, text.indexOf("|")));
    await client.store({ input: inputFor(number), answer: sampleAnswer([text.slice(0, 10), text.slice(10)]) });
  }

  async #compareAll(client: Cache): Promise<void> {
    for (let first = 0; first < this.#sent.length; first += READS_AT_A_TIME) {
      const some = this.#sent.slice(first, first + READS_AT_A_TIME);
      await Promise.all(some.map((_, index) => this.#compare(client, first + index)));
    }
    const { storeErrors } = await client.stats({});
    if (storeErrors > 0n) this.#tally.reopenFailures += 1;
  }

  async #compare(client: Cache, number: number): Promise<void> {
    const { answer } = await client.lookup({ input: inputFor(number) });
    if (answer === undefined) return;
    this.#tally.compared += 1;
    if (!isOneOf(this.#sent[number] ?? new Set(), textOf(answer) ?? "")) this.#tally.wrong += 1;
  }
}

/** Tenants ask the same questions, so that a foreign answer would be one that fits. */
function inputFor(number: number) {
  return sampleInput({ tenant: `tenant-${number % TENANTS}`, model: `m${Math.floor(number / TENANTS)}` });
}

/** Its head says what the rest must be. */
function textFor(number: number, { version, length }: { version: number; length: number }): string {
  const random = seededRandom(version);
  const body = Array.from({ length: Math.ceil(length / 8) }, () => Math.floor(random() * 0xffffffff).toString(16));
  return `${number}.${version}.${length}|${body.join(" ")}`;
}

function isOneOf(sent: ReadonlySet<string>, text: string): boolean {
  const head = text.slice(0, Math.max(0, text.indexOf("|")));
  const [number = 0, version = 0, length = 0] = head.split(".").map(Number);
  return sent.has(head) && text === textFor(number, { version, length });
}

interface CacheProcess {
  client: Cache;
  kill(): Promise<void>;
}

interface StartOptions {
  store: string;
  log: string;
  context: BenchContext;
}

/** Throws where it does not serve. NATS is away: it is not what is tested. */
async function startCache({ store, log, context }: StartOptions): Promise<CacheProcess> {
  const [port = 0] = await freePorts(1);
  const own = { CACHE_PORT: String(port), CACHE_STORE: store, CHIMERA_NATS_URL: "nats://127.0.0.1:1" };
  const env = { ...inheritedEnv(), ...own, CACHE_STORE_BUDGET_MS: "10000", CACHE_CAPACITY_BYTES: String(2 ** 28) };
  const fd = openSync(log, "a");
  const main = join(repositoryRoot, "services/cache/src/main.ts");
  const child = spawn(process.execPath, [main], { env, stdio: ["ignore", fd, fd] });
  closeSync(fd);
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const { client, close } = connectClient(CacheService, url);
  const kill = async () => {
    child.kill("SIGKILL");
    await exited;
    close();
  };
  const { clock, signal } = context;
  for (const giveUpAtMs = clock.monotonicMs() + START_TIMEOUT_MS; clock.monotonicMs() < giveUpAtMs; ) {
    if (child.exitCode !== null || signal.aborted) break;
    if ((await checkHealth(url)) === "serving") return { client, kill };
    await wait(POLL_MS);
  }
  await kill();
  throw new Error(`the cache did not start:\n${tail(log)}`);
}
