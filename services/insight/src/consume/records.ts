// Everything insight remembers, each part with its own bound. Filled by consume/, read by report/.
import { ScoreBook } from "../quality/score-book.ts";
import { CacheLog } from "../window/cache-log.ts";
import { RequestRing } from "../window/request-ring.ts";
import { Intake } from "./intake.ts";

export interface Records {
  readonly requests: RequestRing;
  readonly caches: CacheLog;
  readonly scores: ScoreBook;
  readonly intake: Intake;
}

export function createRecords(limits: { maxRequests: number }): Records {
  return {
    requests: new RequestRing(limits.maxRequests),
    caches: new CacheLog(),
    scores: new ScoreBook(),
    intake: new Intake(),
  };
}
