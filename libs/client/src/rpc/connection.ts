// Where calls go: a transport that is made when it is needed, and what belongs to it.
import type { ConnectError, Transport } from "@connectrpc/connect";

export interface Connection {
  transport(): Promise<Transport>;
  /** Whether the error means that the router could not be reached, or was lost on the way. */
  isLost(error: ConnectError): boolean;
  close(): void;
}

/** A transport of the caller's own. */
export function givenConnection(transport: Transport): Connection {
  return { transport: async () => transport, isLost: () => false, close: () => undefined };
}
