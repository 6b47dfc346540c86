// The router's relay alone as a process of its own: a server of raw calls and the production relay, and nothing between them.
import { InferenceService } from "@chimera/contracts/inference";
import { createLogger } from "@chimera/lifecycle";
import { type RawCall, startServer } from "@chimera/rpc";
import { rawRelay } from "../../../services/router/src/relay/raw-relay.ts";
import type { Relay } from "../../../services/router/src/relay/relay.ts";
import { GENERATE_PATH } from "../load/fake-engine.ts";
import { serveCommands } from "../load/worker.ts";

/** As long as the router gives an answer. */
const TIMEOUT_MS = 120_000;

const commands = {
  async start({ enginePort }: { enginePort: number }): Promise<{ port: number }> {
    const relay = rawRelay(`http://127.0.0.1:${enginePort}`);
    const { port } = await startServer({
      name: "relay",
      host: "127.0.0.1",
      port: 0,
      services: [InferenceService],
      routes: () => undefined,
      raw: [{ path: GENERATE_PATH, handle: (call) => join(relay, call) }],
      logger: createLogger("relay", "error"),
    });
    return { port };
  },
};

export type RelayCommands = typeof commands;

async function join(relay: Relay, call: RawCall): Promise<void> {
  const request = await call.message();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const answer = relay.open(
    request,
    { timeoutMs: TIMEOUT_MS },
    {
      frames: (frames) => call.write(frames),
      end: (error) => (error === undefined ? resolve() : reject(error)),
    },
  );
  call.onDrain(() => answer.resume());
  const leave = () => {
    answer.cancel();
    reject(call.signal.reason);
  };
  if (call.signal.aborted) leave();
  else call.signal.addEventListener("abort", leave, { once: true });
  await promise;
}

serveCommands(commands);
