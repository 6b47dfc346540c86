// The probe inside every image, run as Docker runs it, against real servers.
import { execFile } from "node:child_process";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { startServer } from "@chimera/rpc";
import { describe, expect, it } from "vitest";
import { deployFolder } from "./compose-file.ts";

interface Probe {
  code: number;
  problem: string;
}

function probe(port: number | string): Promise<Probe> {
  const env = { PATH: process.env.PATH, DEMO_PORT: String(port) };
  return new Promise((resolve) => {
    const args = [join(deployFolder, "docker/healthcheck.mjs"), "DEMO_PORT"];
    execFile(process.execPath, args, { env }, (error, _, stderr) =>
      resolve({ code: Number(error?.code ?? 0), problem: stderr.trim() }),
    );
  });
}

async function demo(isReady: () => boolean) {
  return await startServer({
    name: "demo",
    host: "127.0.0.1",
    port: 0,
    services: [],
    routes: () => {},
    isReady,
    logger: { error: () => {} },
  });
}

describe("healthcheck.mjs", () => {
  it("passes while the server serves, and fails once it is gone", async () => {
    const server = await demo(() => true);
    expect(await probe(server.port)).toEqual({ code: 0, problem: "" });
    await server.close();
    expect(await probe(server.port)).toMatchObject({ code: 1, problem: expect.stringContaining("ECONNREFUSED") });
  });

  it("fails while the server says that it does not serve", async () => {
    const server = await demo(() => false);
    expect(await probe(server.port)).toEqual({ code: 1, problem: "not serving" });
    await server.close();
  });

  it("fails where something else has the port", async () => {
    const other = createServer((_, response) => response.end("hello"));
    await new Promise<void>((resolve) => void other.listen(0, "127.0.0.1", resolve));
    expect(await probe((other.address() as AddressInfo).port)).toEqual({ code: 1, problem: "not serving" });
    other.close();
  });

  it("names the variable that holds no port", async () => {
    expect(await probe("http")).toEqual({ code: 1, problem: "DEMO_PORT holds no port" });
  });
});
