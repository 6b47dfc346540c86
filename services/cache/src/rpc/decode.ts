// Requests that come as bytes: what is no such message is the caller's fault.
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { InvalidRequestError } from "@chimera/kernel";

export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array, field = "request"): MessageShape<D> {
  return parsing(schema, field, () => fromBinary(schema, bytes));
}

/** Runs what reads bytes of a message. Throws InvalidRequestError where it fails. */
export function parsing<T>(schema: DescMessage, field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidRequestError([{ field, description: `is no ${schema.name}: ${why}` }]);
  }
}
