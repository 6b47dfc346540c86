import { describe, expect, it } from "vitest";
import { Occupancy } from "./occupancy.ts";

describe("Occupancy", () => {
  it("counts own requests at once and others' by report", () => {
    const occupancy = new Occupancy();
    occupancy.noteReport({ requests: 5, queuedTokens: 1000 }, 0);
    expect([occupancy.outstanding, occupancy.tokensAhead]).toEqual([5, 1000]);
    occupancy.sent(300);
    expect([occupancy.outstanding, occupancy.tokensAhead, occupancy.open]).toEqual([6, 1300, 1]);
    occupancy.computed(300);
    expect([occupancy.outstanding, occupancy.tokensAhead]).toEqual([6, 1000]);
    occupancy.ended(0);
    expect([occupancy.outstanding, occupancy.open]).toEqual([5, 0]);
  });

  it("does not count own requests twice when a report has them", () => {
    const occupancy = new Occupancy();
    for (let i = 0; i < 3; i++) occupancy.sent(100);
    occupancy.noteReport({ requests: 4, queuedTokens: 350 }, 0);
    expect([occupancy.outstanding, occupancy.tokensAhead]).toEqual([4, 350]);
    // A report from before they came takes nothing away.
    occupancy.noteReport({ requests: 0, queuedTokens: 0 }, 0);
    expect([occupancy.outstanding, occupancy.tokensAhead]).toEqual([3, 300]);
  });

  it("does not take what has just ended for somebody else's, and counts others' beyond it", () => {
    const occupancy = new Occupancy();
    for (let i = 0; i < 8; i++) occupancy.sent(0);
    occupancy.ended(1000);
    occupancy.ended(1040);
    // Made before the two had ended.
    occupancy.noteReport({ requests: 8, queuedTokens: 0 }, 1050);
    expect(occupancy.outstanding).toBe(6);
    occupancy.noteReport({ requests: 10, queuedTokens: 0 }, 1060);
    expect(occupancy.outstanding).toBe(8);
    occupancy.noteReport({ requests: 8, queuedTokens: 0 }, 1300);
    expect(occupancy.outstanding).toBe(8);
  });

  it("takes the answer to a question where no report is newer than three seconds", () => {
    const occupancy = new Occupancy();
    expect(occupancy.hasReport(0)).toBe(false);
    occupancy.noteReport({ requests: 8, queuedTokens: 0 }, 1000);
    expect([occupancy.hasReport(4000), occupancy.hasReport(4001)]).toEqual([true, false]);
    occupancy.noteAnswer(2);
    expect(occupancy.outstanding).toBe(2);
  });
});
