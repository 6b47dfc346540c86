// Maps what handlers throw, also in the middle of a stream.
import type { Interceptor } from "@connectrpc/connect";
import { toConnectError } from "./error-to-code.ts";

export function mapErrors(onUnknown: (error: unknown) => void): Interceptor {
  return (next) => async (request) => {
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: mapped(response.message, onUnknown) } : response;
    } catch (error) {
      throw toConnectError(error, onUnknown);
    }
  };
}

async function* mapped<T>(source: AsyncIterable<T>, onUnknown: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    throw toConnectError(error, onUnknown);
  }
}
