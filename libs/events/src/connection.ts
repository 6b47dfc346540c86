// How this library connects to NATS, whatever it carries there.
import { connect, type NatsConnection } from "@nats-io/transport-node";

const CONNECT_TIMEOUT_MS = 2000;
/** Between two tries to connect, for as long as it takes. */
export const RETRY_MS = 500;

export function connectNats({ url, name }: { url: string; name: string }): Promise<NatsConnection> {
  return connect({
    servers: url,
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RETRY_MS,
    pingInterval: 10_000,
    maxPingOut: 2,
    // An error object for each message that is sent, in case it fails, costs more than sending it.
    noAsyncTraces: true,
  });
}
