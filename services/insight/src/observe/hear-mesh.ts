// Who is in the mesh, from whatever its services say.
import type { ChimeraEvent } from "@chimera/events";
import type { Roster } from "../act/roster.ts";
import { eventTimeMs } from "../consume/event-time.ts";
import type { CapacityLog } from "./capacity.ts";

export function hearMesh({ roster, capacity }: { roster: Roster; capacity: CapacityLog }) {
  return {
    take(event: ChimeraEvent): void {
      if (event.kind === "settingsApplied") {
        roster.answered(event.message, eventTimeMs(event.message.at) ?? 0);
      } else if (event.kind === "loadReported") {
        const { replica, settingsVersion, at } = event.message;
        roster.heard("inference", { replica, version: settingsVersion, atMs: eventTimeMs(at) ?? 0 });
        capacity.note(event.message);
      } else if (event.kind === "cacheChanged") {
        const { replica, settingsVersion, at } = event.message;
        roster.heard("cache", { replica, version: settingsVersion, atMs: eventTimeMs(at) ?? 0 });
      } else if (event.kind === "requestFinished") {
        const { router, settingsVersion, arrivedAt } = event.message;
        roster.heard("router", { replica: router, version: settingsVersion, atMs: eventTimeMs(arrivedAt) ?? 0 });
      }
    },
  };
}
