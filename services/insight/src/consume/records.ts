// Everything insight remembers, each part with its own bound. Filled by consume/, read by report/.

import { RequestLog } from "../predict/request-log.ts";
import { ScoreBook } from "../quality/score-book.ts";
import { CacheLog } from "../window/cache-log.ts";
import { RequestRing } from "../window/request-ring.ts";
import { ReviewLog } from "../window/review-log.ts";
import { TrafficLog } from "../window/traffic-log.ts";
import { Intake } from "./intake.ts";

export interface Records {
  /** Each request by itself, as many as fit. */
  readonly requests: RequestRing;
  /** All requests of a day, as counts and sketches. */
  readonly traffic: TrafficLog;
  readonly caches: CacheLog;
  readonly scores: ScoreBook;
  /** The newest requests with what predictions replay. */
  readonly log: RequestLog;
  readonly reviews: ReviewLog;
  readonly intake: Intake;
}

export function createRecords(limits: { maxRequests: number }): Records {
  return {
    requests: new RequestRing(limits.maxRequests),
    traffic: new TrafficLog(),
    caches: new CacheLog(),
    scores: new ScoreBook(),
    log: new RequestLog(),
    reviews: new ReviewLog(),
    intake: new Intake(),
  };
}
