import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  ExplainResponseSchema,
  PruneResponseSchema,
  SaturationResponseSchema,
  StatsResponseSchema,
  StoreOrigin,
} from "@chimera/contracts/cache";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCommandLine } from "../program.ts";
import { type TestSurroundings, testSurroundings } from "../testing/surroundings.ts";
import { explainText } from "./cache-explain.ts";
import { pruneText } from "./cache-prune.ts";
import { statsText, watchLine } from "./cache-stats.ts";

let surroundings: TestSurroundings;
beforeEach(() => {
  surroundings = testSurroundings();
});
afterEach(() => surroundings.remove());

const stats = create(StatsResponseSchema, {
  entries: 1200n,
  bytes: 50_331_648n,
  capacityBytes: 67_108_864n,
  hits: 300n,
  misses: 100n,
  stores: 90n,
  evictions: 7n,
  staleHits: 4n,
  warmHits: 5n,
  store: "memory",
  policy: "s3-fifo",
  tenants: [{ tenant: "acme", entries: 1200n, bytes: 50_331_648n, quotaBytes: 33_554_432n }],
});

describe("chimera cache stats", () => {
  it("shows shares, sizes, tenants and the risk with its reason", () => {
    const saturation = create(SaturationResponseSchema, {
      risk: "moderate",
      text: "91.0 % of 64.0 MiB are in use.",
      sizes: [{ capacityBytes: 134_217_728n, hitRatio: 0.81, n: 500n }],
    });
    const text = statsText(stats, saturation);
    expect(text).toMatch(/^store +memory, policy s3-fifo\n/);
    expect(text).toMatch(/bytes +48\.0 MiB of 64\.0 MiB \(75\.0 %\)/);
    expect(text).toMatch(/lookups +400, hit 75\.0 %/);
    expect(text).toMatch(/risk +moderate\n91\.0 % of 64\.0 MiB are in use\.\n/);
    expect(text).toMatch(/acme +1200 +48\.0 MiB +32\.0 MiB/);
    expect(text).toMatch(/128\.0 MiB +81\.0 % +500/);
  });

  it("--watch shows what happened since the line before", () => {
    const later = create(StatsResponseSchema, { ...stats, hits: 303n, misses: 101n, stores: 92n });
    expect(
      watchLine(later, stats)
        .trim()
        .split(/\s{2,}/),
    ).toEqual(["1200", "48.0 MiB", "75.0 %", "4", "75.0 %", "2", "0"]);
    expect(watchLine(stats, stats)).toContain("–");
  });
});

describe("chimera cache prune", () => {
  it("says what went, what that costs, and how to undo it", () => {
    const response = create(PruneResponseSchema, {
      pruneId: "prune-1",
      entries: 2n,
      bytes: 2048n,
      forecastLossPp: 0.123,
      undoBytes: 1024n,
    });
    expect(pruneText(response, false)).toBe(
      "Took out 2 answers, 2.0 KiB. Expected loss: 0.12 pp of all lookups.\n1.0 KiB can be put back for an hour: chimera cache undo prune-1\n",
    );
    expect(pruneText(response, true)).toBe(
      "Would take out 2 answers, 2.0 KiB. Expected loss: 0.12 pp of all lookups.\n",
    );
    expect(pruneText(create(PruneResponseSchema), false)).toBe("Nothing to take out.\n");
  });
});

describe("chimera cache explain", () => {
  it("gives the facts of what is there, and the reason of what is not", () => {
    const at = timestampFromMs(1_700_000_000_000);
    const entry = {
      tenant: "acme",
      model: "tiny",
      bytes: 160n,
      ttftMs: 4.25,
      tokens: 3,
      storedAt: at,
      tags: ["doc:1", "doc:2"],
      origin: StoreOrigin.WARM_UP,
    };
    const text = explainText(
      create(ExplainResponseSchema, { keyPrefix: "0123", state: "resident", text: "stored", entry }),
    );
    expect(text).toMatch(/^0123 is resident: stored\.\ntenant +acme\n/);
    expect(text).toContain("2023-11-14T22:13:20.000Z");
    expect(text).toMatch(/tags +doc:1, doc:2\nmade +ahead, by a warm-up/);
    const gone = create(ExplainResponseSchema, { keyPrefix: "0123", state: "evicted", text: "evicted 3 s ago" });
    expect(explainText(gone)).toBe("0123 is evicted: evicted 3 s ago.\n");
  });
});

describe("a wrong command line", () => {
  it.each([
    [["prune", "--target", "half"], "Give a number of bytes such as 64MiB"],
    [["prune", "--unused-for", "1w"], "Give a length of time such as 90s"],
    [["invalidate"], "Name what is wrong: --tenant, --model or --tag"],
    [["undo"], "missing required argument 'id'"],
    [["explain"], "missing required argument 'key'"],
  ])("chimera cache %j ends with 2", async (args, message) => {
    expect(await runCommandLine(["cache", ...args], surroundings, "main.ts")).toBe(2);
    expect(surroundings.written.err).toContain(message);
  });

  it("is no mesh where none runs", async () => {
    expect(await runCommandLine(["cache", "stats"], surroundings, "main.ts")).toBe(3);
  });
});
