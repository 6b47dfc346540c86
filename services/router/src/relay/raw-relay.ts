// A relay on node:http2: one stream here for one stream there.
import { RawChannel, type RawChannelOptions } from "@chimera/rpc";
import type { Relay } from "./relay.ts";

const GENERATE = "/chimera.inference.v1.InferenceService/Generate";
/**
 * Unread bytes of one answer: about 500 tokens, more than a reader falls behind without being stalled, and little enough for
 * thousands of stalled readers.
 */
const STREAM_WINDOW_BYTES = 16 * 1024;

export interface RawRelayOptions extends Pick<RawChannelOptions, "tls"> {
  /** "/package.Service/Method"; an engine's Generate where unset. */
  path?: string;
}

export function rawRelay(url: string, { path = GENERATE, ...options }: RawRelayOptions = {}): Relay {
  const channel = new RawChannel(url, { streamWindowBytes: STREAM_WINDOW_BYTES, ...options });
  return {
    open: (request, { timeoutMs }, reader) => channel.open(path, request, { timeoutMs }, reader),
    close: () => channel.close(),
  };
}
