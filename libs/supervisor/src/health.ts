// Asks a service how it is through grpc.health.v1, as a probe of Kubernetes would.
import { setTimeout as wait } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { type Clock, systemClock } from "@chimera/kernel";
import { connectClient } from "@chimera/rpc";

export type HealthState = "serving" | "not serving" | "unreachable";

const POLL_MS = 40;
const CALL_TIMEOUT_MS = 1000;

export async function checkHealth(url: string, timeoutMs = CALL_TIMEOUT_MS): Promise<HealthState> {
  const { client, close } = connectClient(Health, url);
  try {
    const { status } = await client.check({ service: "" }, { timeoutMs });
    return status === Status.SERVING ? "serving" : "not serving";
  } catch {
    return "unreachable";
  } finally {
    close();
  }
}

export interface WaitOptions {
  timeoutMs: number;
  /** Ends the wait early, for example because the process is gone. */
  signal: AbortSignal;
  clock?: Clock;
}

/** Waits until the service serves; false where the time is over or the signal came first. */
export async function waitUntilServing(
  url: string,
  { timeoutMs, signal, clock = systemClock }: WaitOptions,
): Promise<boolean> {
  const deadline = clock.monotonicMs() + timeoutMs;
  while (!signal.aborted && clock.monotonicMs() < deadline) {
    if ((await checkHealth(url)) === "serving") return !signal.aborted;
    await wait(POLL_MS);
  }
  return false;
}
