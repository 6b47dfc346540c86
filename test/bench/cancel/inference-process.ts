// A real inference replica that says, the moment it happens, when its engine begins, makes tokens, and falls idle: asking it from
// outside would be late by the way of the answer, and would take the CPU that is measured.
import { InferenceService } from "@chimera/contracts/inference";
import { createLlamaEngine, type Engine, fields } from "@chimera/inference";
import { createLogger, readSettings } from "@chimera/lifecycle";
import { startServer } from "@chimera/rpc";
import type { Context } from "../../../services/inference/src/context.ts";
import { describe } from "../../../services/inference/src/rpc/describe.ts";
import { generate } from "../../../services/inference/src/rpc/generate.ts";
import { generateRaw } from "../../../services/inference/src/rpc/generate-raw.ts";
import { machineClock } from "../load/machine-clock.ts";
import { sendNote, serveCommands } from "../load/worker.ts";

export type EngineNote =
  | { kind: "load"; isBusy: boolean; atMs: number }
  /** The generation that runs was told to stop. */
  | { kind: "told"; atMs: number }
  /** The n-th piece of text of the generation that runs. */
  | { kind: "delta"; count: number; atMs: number };

/** Nobody asks beyond; a note costs time as well. */
const NOTED_DELTAS = 8;

let engine: Engine | undefined;

const commands = {
  async start(): Promise<{ port: number }> {
    const config = readSettings("inference", fields, {});
    const logger = createLogger("inference", "silent");
    const { modelPath, slots, maxSlots, contextTokens, threads, maxQueued, maxPromptBytes, maxRequestMs } = config;
    engine = watched(
      await createLlamaEngine({ modelPath, slots, maxSlots, contextTokens, threads, maxQueued, logger }),
    );
    const never = new AbortController().signal;
    const served = { engine, logger, replica: "inference", maxPromptBytes, maxRequestMs };
    const context: Context = { ...served, draining: () => never };
    const { port } = await startServer({
      name: "inference",
      host: "127.0.0.1",
      port: 0,
      services: [InferenceService],
      routes: (router) =>
        void router.service(InferenceService, { generate: generate(context), describe: describe(context) }),
      raw: [generateRaw(context)],
      trustedPeers: true,
      logger,
    });
    return { port };
  },

  counters(): { finished: number; cancelled: number } {
    const { finished = 0, cancelled = 0 } = engine?.describe() ?? {};
    return { finished, cancelled };
  },
};

export type InferenceCommands = typeof commands;

function watched(real: Engine): Engine {
  let wasBusy = false;
  real.onLoadChange(() => {
    const { activeGenerations, queued } = real.describe();
    const isBusy = activeGenerations + queued > 0;
    if (isBusy !== wasBusy) note({ kind: "load", isBusy, atMs: machineClock.monotonicMs() });
    wasBusy = isBusy;
  });
  return {
    describe: () => real.describe(),
    load: () => real.load(),
    onLoadChange: (listener) => real.onLoadChange(listener),
    setLimits: (limits) => real.setLimits(limits),
    warmPrefix: (input, signal) => real.warmPrefix(input, signal),
    generate: (request, signal) => {
      const told = () => note({ kind: "told", atMs: machineClock.monotonicMs() });
      signal.addEventListener("abort", told, { once: true });
      return noted(real.generate(request, signal));
    },
    dispose: () => real.dispose(),
  };
}

async function* noted(parts: ReturnType<Engine["generate"]>) {
  let count = 0;
  for await (const part of parts) {
    if (part.kind === "delta" && count < NOTED_DELTAS) {
      note({ kind: "delta", count: ++count, atMs: machineClock.monotonicMs() });
    }
    yield part;
  }
}

function note(what: EngineNote): void {
  sendNote(what);
}

serveCommands(commands);
