// Tells a write that lost against a faster one from every other failure.
import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";

export function isWrongSequence(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  const { StreamWrongLastSequence, StreamWrongLastSequenceUnknown } = JetStreamApiCodes;
  return error.code === StreamWrongLastSequence || error.code === StreamWrongLastSequenceUnknown;
}
