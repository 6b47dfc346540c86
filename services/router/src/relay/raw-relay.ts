// A relay on node:http2: one stream here for one stream there.
import { RawChannel, type RawChannelOptions } from "@chimera/rpc";
import type { Relay } from "./relay.ts";

const GENERATE = "/chimera.inference.v1.InferenceService/Generate";
/**
 * Unread bytes of one answer: about 500 tokens, more than a reader falls behind without being stalled, and little enough for
 * thousands of stalled readers.
 */
const STREAM_WINDOW_BYTES = 16 * 1024;

export function rawRelay(url: string, options: Pick<RawChannelOptions, "tls"> = {}): Relay {
  const channel = new RawChannel(url, { streamWindowBytes: STREAM_WINDOW_BYTES, ...options });
  return {
    open: (request, { timeoutMs }, reader) => channel.open(GENERATE, request, { timeoutMs }, reader),
    close: () => channel.close(),
  };
}
