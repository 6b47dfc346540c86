// Greets a NATS server: it sends its INFO line to every connection before anything is asked. That is the whole check that
// it is there, which version it is and whether JetStream is on; no client library is needed for it.
import { connect } from "node:net";

export interface NatsInfo {
  version: string;
  jetstream: boolean;
  /** As its configuration gives it; empty where it gives none. */
  name: string;
}

const MAX_INFO_BYTES = 32 * 1024;

/** Throws where nothing answers at the address, or where something other than NATS does. */
export function readNatsInfo(url: string, timeoutMs: number): Promise<NatsInfo> {
  const { hostname, port } = new URL(url.includes("://") ? url : `nats://${url}`);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 4222) });
    let received = "";
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(`${url} ${why}`));
    };
    socket.setTimeout(timeoutMs, () => fail(`did not answer within ${timeoutMs} ms`));
    socket.once("error", (error) => fail(`can not be reached: ${error.message}`));
    socket.once("close", () => fail("closed the connection before it said what it is"));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      const end = received.indexOf("\r\n");
      if (end === -1 && received.length < MAX_INFO_BYTES) return;
      const info = parseInfo(received.slice(0, end));
      if (info === undefined) return fail("is not a NATS server");
      socket.destroy();
      resolve(info);
    });
  });
}

function parseInfo(line: string): NatsInfo | undefined {
  if (!line.startsWith("INFO ")) return undefined;
  try {
    const { version, jetstream, server_name: name } = JSON.parse(line.slice("INFO ".length));
    return typeof version === "string"
      ? { version, jetstream: jetstream === true, name: String(name ?? "") }
      : undefined;
  } catch {
    return undefined;
  }
}
