// RecordFeedback: reference answers for live requests. The whole batch is checked before any of it is taken.
import { create } from "@bufbuild/protobuf";
import {
  type Feedback,
  type RecordFeedbackRequest,
  type RecordFeedbackResponse,
  RecordFeedbackResponseSchema,
} from "@chimera/contracts/evaluator";
import { type FieldViolation, InvalidRequestError } from "@chimera/kernel";
import type { Context } from "../context.ts";
import { type LabelPair, labelReader, MAX_LABEL_LENGTH } from "../scorer/label.ts";

const MAX_FEEDBACK = 1000;
const MAX_REQUEST_ID_LENGTH = 64;
const MAX_OUTPUT_LENGTH = 65_536;
// A wrong batch is mostly wrong in one way; the answer stays small.
const MAX_VIOLATIONS = 20;

export function recordFeedback(context: Pick<Context, "join">) {
  return async ({ feedback }: RecordFeedbackRequest): Promise<RecordFeedbackResponse> => {
    const pairs = readBatch(feedback);
    for (const { requestId, pair } of pairs) context.join.feedbackGiven(requestId, pair);
    return create(RecordFeedbackResponseSchema, { taken: pairs.length });
  };
}

interface ReadFeedback {
  requestId: string;
  pair: LabelPair;
}

function readBatch(feedback: readonly Feedback[]): ReadFeedback[] {
  if (feedback.length === 0 || feedback.length > MAX_FEEDBACK) {
    const description = `1 to ${MAX_FEEDBACK} entries, got ${feedback.length}`;
    throw new InvalidRequestError([{ field: "feedback", description }]);
  }
  const violations: FieldViolation[] = [];
  const pairs = feedback.flatMap((entry, index) => readOne(entry, `feedback[${index}]`, violations) ?? []);
  if (violations.length > 0) throw new InvalidRequestError(violations.slice(0, MAX_VIOLATIONS));
  return pairs;
}

function readOne(entry: Feedback, path: string, violations: FieldViolation[]): ReadFeedback | undefined {
  const { requestId, output, target } = entry;
  const reader = labelReader(target);
  if (requestId === "" || requestId.length > MAX_REQUEST_ID_LENGTH) {
    violations.push({ field: `${path}.request_id`, description: `1 to ${MAX_REQUEST_ID_LENGTH} characters` });
  }
  if (output.length > MAX_OUTPUT_LENGTH) {
    violations.push({ field: `${path}.output`, description: `at most ${MAX_OUTPUT_LENGTH} characters` });
  }
  if (!reader) {
    const description = `a label of 1 to ${MAX_LABEL_LENGTH} characters, for example "intent=refund"`;
    violations.push({ field: `${path}.target`, description });
    return undefined;
  }
  return { requestId, pair: { target: reader.target, predicted: reader.read(output) } };
}
