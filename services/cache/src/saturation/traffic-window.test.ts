import { expect, it } from "vitest";
import { HandClock } from "../test-data.ts";
import { TrafficWindow } from "./traffic-window.ts";

it("TrafficWindow counts the last ten minutes and says how long they were", () => {
  const clock = new HandClock();
  clock.ms = 1_700_000_000_000;
  const traffic = new TrafficWindow(clock);
  traffic.count("lookups");
  traffic.count("hits");
  clock.ms += 300_000;
  traffic.count("lookups");
  traffic.count("ghostHits");
  expect(traffic.recent()).toEqual({
    lookups: 2,
    hits: 1,
    ghostHits: 1,
    expiredMisses: 0,
    stores: 0,
    windowMs: 300_000,
  });
  clock.ms += 299_000;
  expect(traffic.recent()).toMatchObject({ lookups: 2, windowMs: 599_000 });
  clock.ms += 11_000;
  expect(traffic.recent()).toMatchObject({ lookups: 1, hits: 0, ghostHits: 1 });
  clock.ms += 3_600_000;
  traffic.count("stores");
  expect(traffic.recent()).toMatchObject({ lookups: 0, ghostHits: 0, stores: 1 });
});
