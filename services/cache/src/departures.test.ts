import { expect, it } from "vitest";
import { Departures } from "./departures.ts";

it("Departures remember the last ones, each key's newest reason, and never more than their bound", () => {
  const departures = new Departures(3);
  const leave = (key: string, atMs: number) => departures.note({ key, reason: "evicted", atMs });
  leave("t:a", 1);
  leave("t:b", 2);
  departures.note({ key: "t:a", reason: "expired", atMs: 3 });
  expect(departures.get("t:a")).toMatchObject({ reason: "expired", atMs: 3 });
  leave("t:c", 4);
  leave("t:d", 5);
  expect([..."abcd"].map((key) => departures.get(`t:${key}`)?.atMs)).toEqual([3, undefined, 4, 5]);
  departures.forget("t:c");
  expect([...departures.values()].map(({ key }) => key)).toEqual(["t:a", "t:d"]);
});
