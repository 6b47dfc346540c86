// The load of the door benchmark as a process of its own.
import { systemClock } from "@chimera/kernel";
import { ChatStreams, type ChatTarget } from "./chat-streams.ts";
import {
  type ClosedPlan,
  type ClosedResult,
  closedRound,
  type PacedPlan,
  type PacedResult,
  pacedRound,
} from "./rounds.ts";
import { serveCommands } from "./worker.ts";

/** Connections of an open loop; more streams than that at a time would wait in the client. */
const PACED_CONNECTIONS = 256;

const commands = {
  closed: ({ target, ...plan }: ClosedPlan & { target: ChatTarget }): Promise<ClosedResult> =>
    closedRound(new ChatStreams(target, plan.callers, systemClock), plan),
  paced: ({ target, ...plan }: PacedPlan & { target: ChatTarget }): Promise<PacedResult> =>
    pacedRound(new ChatStreams(target, PACED_CONNECTIONS, systemClock), plan),
};

export type ChatLoadCommands = typeof commands;

serveCommands(commands);
