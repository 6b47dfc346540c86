// The fake engine as a process of its own.
import { systemClock } from "@chimera/kernel";
import type { Arrivals } from "./arrivals.ts";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { serveCommands } from "./worker.ts";

let engine: FakeEngine | undefined;

const commands = {
  async start({ arrivals }: { arrivals: Arrivals }): Promise<{ port: number }> {
    engine = await startFakeEngine(arrivals, systemClock);
    return { port: engine.port };
  },
  arrive({ arrivals }: { arrivals: Arrivals }): void {
    engine?.arrive(arrivals);
  },
  counts(): { open: number; emitted: number } {
    return { open: engine?.open ?? 0, emitted: engine?.emitted ?? 0 };
  },
};

export type FakeEngineCommands = typeof commands;

serveCommands(commands);
