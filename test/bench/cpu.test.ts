import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { cpuBetweenMs, readMachineBusyMs, readRssMib, readThreadCpu } from "./cpu.ts";
import { sum } from "./figures.ts";
import { metered } from "./meter.ts";

const self = { name: "this", pid: process.pid };
/** Scheduler time and the process's own count are read a moment apart. */
const TOLERANCE_MS = 15;
const BURN_MS = 60;

function burn(): void {
  const startUs = process.cpuUsage().user;
  while (process.cpuUsage().user - startUs < BURN_MS * 1000) Math.sqrt(startUs);
}

describe("CPU time from the operating system", () => {
  it("grows by what the process spends", () => {
    const before = readThreadCpu(self);
    burn();
    expect(cpuBetweenMs(before, readThreadCpu(self))).toBeGreaterThan(BURN_MS - TOLERANCE_MS);
  });

  it("counts every thread, also one that began in between", async () => {
    const before = readThreadCpu(self);
    const code = `const until = ${BURN_MS * 1000};
      const start = process.threadCpuUsage().user;
      while (process.threadCpuUsage().user - start < until);
      require("node:worker_threads").parentPort.postMessage("burnt");
      setInterval(() => {}, 1000);`;
    const worker = new Worker(code, { eval: true });
    await once(worker, "message");
    const after = readThreadCpu(self);
    await worker.terminate();
    const begun = new Map([...after].filter(([thread]) => !before.has(thread)));
    expect(cpuBetweenMs(new Map(), begun)).toBeGreaterThan(BURN_MS - TOLERANCE_MS);
    expect(cpuBetweenMs(before, after)).toBeGreaterThanOrEqual(cpuBetweenMs(new Map(), begun));
  });

  it("of the whole machine grows by at least what one process spends", () => {
    const before = readMachineBusyMs();
    burn();
    expect(readMachineBusyMs() - before).toBeGreaterThan(BURN_MS - 2 * TOLERANCE_MS);
  });

  it("names a process that has ended", () => {
    const gone = { name: "cache", pid: 2 ** 30 };
    expect(() => readThreadCpu(gone)).toThrow(/^cache has ended/);
    expect(() => readRssMib(gone)).toThrow(/^cache has ended/);
  });

  it("comes with resident memory that Node agrees with", () => {
    const nodeMib = process.memoryUsage.rss() / 2 ** 20;
    expect(Math.abs(readRssMib(self) - nodeMib)).toBeLessThan(0.2 * nodeMib);
  });
});

describe("a meter", () => {
  it("accounts for all CPU and all answers between start and end", async () => {
    let answered = 3;
    const { result, readings, foreignShare } = await metered(
      [self],
      () => answered,
      async () => {
        burn();
        answered += 7;
        return "result";
      },
    );
    expect(result).toBe("result");
    expect(foreignShare).toBeGreaterThanOrEqual(0);
    expect(foreignShare).toBeLessThan(1.1);
    const [reading] = readings;
    expect(sum(reading?.slices.map(({ got }) => got) ?? [])).toBe(7);
    expect(sum(reading?.slices.map(({ spent }) => spent) ?? [])).toBeGreaterThan(BURN_MS - TOLERANCE_MS);
  });

  it("stops the work where a process of the mesh has ended, and names it", async () => {
    const doomed = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
    await once(doomed, "spawn");
    const measuring = metered(
      [{ name: "cache", pid: doomed.pid ?? 0 }],
      () => 0,
      async (signal) => {
        doomed.stdin.end();
        await once(signal, "abort");
      },
    );
    await expect(measuring).rejects.toThrow(/^cache has ended/);
  });

  it("passes on the error of what it measures", async () => {
    const failing = metered(
      [self],
      () => 0,
      () => Promise.reject(new Error("no mesh")),
    );
    await expect(failing).rejects.toThrow("no mesh");
  });
});
