// Brings a reference answer and the request it is about together, whichever comes first, and publishes the score.
// The halves wait in this process alone: feedback and events of one request have to reach the same evaluator.
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type RequestFinished, ScoreRecordedSchema } from "@chimera/contracts/events";
import type { EventBus } from "@chimera/events";
import type { Clock } from "@chimera/kernel";
import type { LabelPair } from "../scorer/label.ts";
import { BoundedMap } from "./bounded-map.ts";

// Halves that wait for the other one, each way; the oldest is forgotten and counted.
const MAX_WAITING = 10_000;

// What is kept of a request: enough for the score, and no text.
type RequestHalf = Pick<RequestFinished, "tenant" | "model" | "modelVersion">;

export interface JoinOptions {
  publish: EventBus["publish"];
  clock: Clock;
  // Default 10,000.
  maxWaiting?: number;
}

export class FeedbackJoin {
  readonly #options: JoinOptions;
  readonly #requests: BoundedMap<string, RequestHalf>;
  readonly #feedback: BoundedMap<string, LabelPair>;
  #forgottenFeedback = 0;

  constructor(options: JoinOptions) {
    this.#options = options;
    this.#requests = new BoundedMap(options.maxWaiting ?? MAX_WAITING);
    this.#feedback = new BoundedMap(options.maxWaiting ?? MAX_WAITING);
  }

  /** Feedback given up because its request never came. */
  get forgottenFeedback(): number {
    return this.#forgottenFeedback;
  }

  requestFinished({ requestId, tenant, model, modelVersion, refusal }: RequestFinished): void {
    // No feedback will come on what had no answer; under overload such requests would push all others out.
    if (refusal !== "") return;
    const request = { tenant, model, modelVersion };
    const feedback = this.#feedback.take(requestId);
    if (feedback) this.#score(requestId, request, feedback);
    else this.#requests.set(requestId, request);
  }

  feedbackGiven(requestId: string, feedback: LabelPair): void {
    const request = this.#requests.take(requestId);
    if (request) this.#score(requestId, request, feedback);
    else if (this.#feedback.set(requestId, feedback)) this.#forgottenFeedback += 1;
  }

  #score(requestId: string, request: RequestHalf, { target, predicted }: LabelPair): void {
    const message = create(ScoreRecordedSchema, {
      subjectId: requestId,
      source: "live",
      ...request,
      predicted,
      target,
      correct: predicted === target,
      at: timestampFromMs(this.#options.clock.nowMs()),
    });
    this.#options.publish({ kind: "scoreRecorded", message }, `score.live.${requestId}`);
  }
}
