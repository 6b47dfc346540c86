// Tests that need a Redis server exist where there is one; the CI script installs it.
import { expect, it } from "vitest";
import { hasRedis } from "./redis-server.ts";

export function onRedis(define: () => void): void {
  it("had the Redis server that CI has", () => {
    expect(process.env.CI ? hasRedis : true).toBe(true);
  });
  if (hasRedis) define();
}
