// grpc.health.v1 of the router.

import { Health, HealthCheckResponse_ServingStatus as Status } from "@chimera/contracts/health";
import { createClient } from "@connectrpc/connect";
import { type CallOptions, callHeaders } from "../options.ts";
import { CallScope } from "./call-scope.ts";
import { toClientError } from "./failure.ts";
import type { Shared } from "./surroundings.ts";

export type HealthStatus = "SERVING" | "NOT_SERVING" | "UNKNOWN";

export interface HealthOptions extends CallOptions {
  /** One service of the router; the whole router where left out. */
  service?: string;
}

export async function health(shared: Shared, options: HealthOptions = {}): Promise<HealthStatus> {
  const { service = "", ...callOptions } = options;
  const scope = new CallScope({ ...callOptions, clock: shared.clock, live: shared.live });
  try {
    const [transport, headers] = await Promise.all([shared.connection.transport(), callHeaders(shared.options)]);
    scope.throwIfAborted();
    const call = { headers, signal: scope.signal, timeoutMs: scope.remainingMs };
    const { status } = await createClient(Health, transport).check({ service }, call);
    if (status === Status.SERVING) return "SERVING";
    return status === Status.NOT_SERVING ? "NOT_SERVING" : "UNKNOWN";
  } catch (error) {
    throw scope.signal.aborted ? scope.signal.reason : toClientError(error, shared.connection);
  } finally {
    scope.close();
  }
}
