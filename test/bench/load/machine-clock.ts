// Time that processes of one machine agree on: the kernel's monotonic clock, which does not begin anew in each of them.
import { type Clock, systemClock } from "@chimera/kernel";

export const machineClock: Clock = {
  nowMs: systemClock.nowMs,
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
};
