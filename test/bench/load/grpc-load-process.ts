// The load of the relay benchmark as a process of its own; it also plays readers that do not read.
import { systemClock } from "@chimera/kernel";
import { GrpcStreams, type GrpcTarget } from "./grpc-streams.ts";
import {
  type ClosedPlan,
  type ClosedResult,
  closedRound,
  type PacedPlan,
  type PacedResult,
  pacedRound,
} from "./rounds.ts";
import { StalledReaders } from "./stalled-readers.ts";
import { serveCommands } from "./worker.ts";

const stalled = new StalledReaders(systemClock);

const commands = {
  async closed({
    target,
    connections,
    ...plan
  }: ClosedPlan & { target: GrpcTarget; connections: number }): Promise<ClosedResult> {
    return closedRound(await GrpcStreams.connect(target, connections, systemClock), plan);
  },
  async paced({ target, ...plan }: PacedPlan & { target: GrpcTarget }): Promise<PacedResult> {
    return pacedRound(await GrpcStreams.connect(target, 1, systemClock), plan);
  },
  stall: (options: { target: GrpcTarget; streams: number }): Promise<void> => stalled.open(options),
  /** Reads some of the stalled streams to their end; how many of them were whole. */
  resume: ({ count }: { count: number }): Promise<number> => stalled.resume(count),
  leave: (): void => stalled.close(),
};

export type GrpcLoadCommands = typeof commands;

serveCommands(commands);
