import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { assignPorts } from "./ports.ts";

let holder: Server;
let taken: number;
beforeEach(async () => {
  holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  taken = (holder.address() as AddressInfo).port;
});
afterEach(() => new Promise((resolve) => holder.close(resolve)));

it("gives a free port where the preferred one is taken, and never one port twice", async () => {
  const names = ["router", "cache", "inference", "inference-2"];
  const ports = await assignPorts(names.map((name) => ({ name, wish: { preferred: taken } })));
  expect(new Set([...ports.values(), taken]).size).toBe(5);
});

it("refuses a required port that is taken and names the way out", async () => {
  await expect(assignPorts([{ name: "router", wish: taken }])).rejects.toThrow(`Port ${taken} for router is in use`);
});

it("takes any free port for the wish 0", async () => {
  const ports = await assignPorts([{ name: "router", wish: 0 }]);
  expect(ports.get("router")).toBeGreaterThan(0);
});
