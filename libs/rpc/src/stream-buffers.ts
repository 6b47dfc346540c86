// The buffers of streams. node:http2 makes its streams itself and takes no size for them, so the default of the process is set.
import { setDefaultHighWaterMark } from "node:stream";
import { limits } from "./limits.ts";

/** For every stream made from now on. */
export function boundStreamBuffers(): void {
  setDefaultHighWaterMark(false, limits.streamBufferBytes);
}
