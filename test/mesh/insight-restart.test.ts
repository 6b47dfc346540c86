// The service as it runs: a real NATS server, real sockets, a restart.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type GetReportResponse, InsightService } from "@chimera/contracts/insight";
import { connectEvents } from "@chimera/events";
import { InvalidRequestError } from "@chimera/kernel";
import { createLogger, readSettings, type Service } from "@chimera/lifecycle";
import { connectClient, fromConnectError } from "@chimera/rpc";
import { findNatsServer, freePorts, inheritedEnv, type NatsServer, startNats } from "@chimera/supervisor";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { fields } from "../../services/insight/src/config.ts";
import { createInsight } from "../../services/insight/src/service.ts";
import { bareNumbers } from "../../services/insight/src/testing/bare-numbers.ts";
import { busyMesh } from "../../services/insight/src/testing/events.ts";

const logger = createLogger("insight", "silent");
let folder: string;
let nats: NatsServer;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "insight-"));
  const env = { PATH: inheritedEnv().PATH };
  const found = await findNatsServer({ env, installDir: join(folder, "tools") });
  if (found.kind !== "program") throw new Error("a NATS server of the test's own is needed");
  const [port = 0] = await freePorts(1);
  nats = await startNats({ program: found.path, dataDir: folder, logDir: join(folder, "logs"), port, env });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(async () => {
  await nats.stop();
  await rm(folder, { recursive: true, force: true });
});

async function startInsight(natsUrl: string) {
  const config = readSettings("insight", fields, { INSIGHT_PORT: "0", CHIMERA_NATS_URL: natsUrl });
  const service: Service = await createInsight(config, logger);
  const { client, close } = connectClient(InsightService, `http://${service.address}`);
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    close();
    await service.drain();
    await service.dispose();
  };
  cleanups.push(stop);
  return { client, stop, url: `http://${service.address}` };
}

type Insight = Awaited<ReturnType<typeof startInsight>>;

/** Reports until the stream is read, then the report on everything up to the end of the year the events lie in. */
async function reportOnAll({ client }: Insight, events: number): Promise<GetReportResponse> {
  const to = timestampFromMs(Date.UTC(2026, 11, 31));
  return vi.waitFor(
    async () => {
      const report = await client.getReport({ to });
      expect(figureIn(report, "telemetry.events_dropped")?.n).toBe(BigInt(events));
      return report;
    },
    { timeout: 30_000, interval: 50 },
  );
}

const figureIn = (report: GetReportResponse, id: string) => report.figures.find((figure) => figure.id === id);

describe("insight", () => {
  it("reports on every event once, before and after a restart", async () => {
    const events = busyMesh();
    const bus = await connectEvents({ url: nats.url, name: "insight-test", logger });
    cleanups.push(() => bus.close());
    for (const [index, event] of events.entries()) {
      bus.publish(event, `event-${index}`);
      // A publisher that was not sure sends again.
      if (index % 10 === 0) bus.publish(event, `event-${index}`);
    }

    const first = await startInsight(nats.url);
    const before = await reportOnAll(first, events.length);
    await first.stop();
    const second = await startInsight(nats.url);
    const after = await reportOnAll(second, events.length);

    expect(figureIn(before, "requests.count")?.value).toBe(1500);
    expect(figureIn(before, "quality.accuracy")?.n).toBe(400n);
    expect(figureIn(before, "quality.live_accuracy")?.n).toBe(60n);
    const measured = (report: GetReportResponse) =>
      report.figures
        .filter((figure) => !figure.id.startsWith("telemetry."))
        .map(({ id, value, n, interval }) => ({ id, value, n, interval }));
    expect(measured(after)).toEqual(measured(before));
    expect(after.risks.map((risk) => risk.id)).toEqual([
      "overfitting",
      "cache-saturation",
      "overload",
      "drift",
      "telemetry-loss",
    ]);
    expect(after.markdown).toContain("# Chimera: executive summary");
    expect(bareNumbers(after.html, after.json)).toEqual([]);
  });

  it("serves without NATS and says that it knows nothing", async () => {
    const { client } = await startInsight("nats://127.0.0.1:1");
    const report = await client.getReport({});
    expect(report.figures.every((figure) => figure.value === undefined && figure.n === 0n)).toBe(true);
    expect(report.risks.every((risk) => risk.state === "unknown")).toBe(true);
  });

  it("names the field of a window that ends before it begins", async () => {
    const { client } = await startInsight("nats://127.0.0.1:1");
    const asked = client.getReport({ from: timestampFromMs(2000), to: timestampFromMs(1000) });
    const error = fromConnectError(await asked.catch((reason: unknown) => reason));
    expect(error.kind).toBe(new InvalidRequestError([]).kind);
    expect(error.violations.map((violation) => violation.field)).toEqual(["from"]);
  });

  it("serves its pages on the port of its RPCs", async () => {
    const { url } = await startInsight("nats://127.0.0.1:1");
    const page = await fetch(`${url}/`);
    expect([page.status, page.url]).toEqual([200, `${url}/report.html`]);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain("No data in this window.");
    expect((await fetch(`${url}/report.json`)).headers.get("content-type")).toContain("application/json");
    expect((await fetch(`${url}/missing`)).status).toBe(404);
    expect((await fetch(`${url}/report.md`, { method: "POST" })).status).toBe(405);
  });
});
