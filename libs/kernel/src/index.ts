// Pure helpers without I/O that every package may use.
export { AssertionError, assert } from "./assert.ts";
export { BoundedQueue } from "./bounded-queue.ts";
export { type Clock, systemClock } from "./clock.ts";
export { Deferred } from "./deferred.ts";
export {
  CancelledError,
  ChimeraError,
  DeadlineExceededError,
  type ErrorKind,
  FailedPreconditionError,
  type FieldViolation,
  InternalError,
  InvalidRequestError,
  NotFoundError,
  OverloadedError,
  type QuotaDetails,
  QuotaExceededError,
  UnauthenticatedError,
  UnavailableError,
} from "./errors.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { type IntervalEstimate, normalQuantile, quantile, quantileInterval, wilsonInterval } from "./stats.ts";
