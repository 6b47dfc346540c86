// Where another replica goes on: what the caller has of an answer, read off the frames it was sent.
import { create, fromBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { type Resume, ResumeSchema } from "@chimera/contracts/inference";
import { messagesIn } from "@chimera/rpc";

/** `frames`: the deltas so far. Undefined where nothing was sent: the answer simply begins anew. */
export function resumePoint(frames: Buffer, modelVersion: string): Resume | undefined {
  let text = "";
  let tokens = 0;
  let nextSeq = 0;
  const tokenIds: number[] = [];
  for (const message of messagesIn(frames)) {
    const { part } = fromBinary(GenerateResponseSchema, message);
    if (part.case !== "delta") continue;
    text += part.value.text;
    tokens += part.value.tokenCount;
    tokenIds.push(...part.value.tokenIds);
    nextSeq = part.value.seq + 1;
  }
  if (nextSeq === 0) return undefined;
  // Half of the tokens are of no use: then the text has to do.
  return create(ResumeSchema, { text, nextSeq, modelVersion, tokenIds: tokenIds.length === tokens ? tokenIds : [] });
}
