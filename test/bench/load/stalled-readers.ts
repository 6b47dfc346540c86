// Clients that ask and then do not read: each grants the window a client has by default, and no byte more.
import type * as http2 from "node:http2";
import type { Clock } from "@chimera/kernel";
import { type GrpcTarget, openSession, readWhole, requestOn } from "./grpc-streams.ts";

/** HTTP/2's own default, which most clients leave as it is. */
const DEFAULT_WINDOW_BYTES = 65_535;

export class StalledReaders {
  readonly #clock: Clock;
  #session: http2.ClientHttp2Session | undefined;
  #tokens = 0;
  /** As many as were asked for. */
  #streams: http2.ClientHttp2Stream[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when every stream has its response headers: the door has taken them all. */
  async open({ target, streams }: { target: GrpcTarget; streams: number }): Promise<void> {
    const session = await openSession(target.port, DEFAULT_WINDOW_BYTES);
    // The connection has room for all: each stream stalls for itself.
    session.setLocalWindowSize(DEFAULT_WINDOW_BYTES * (streams + 1));
    this.#session = session;
    this.#tokens = target.tokens;
    this.#streams = Array.from({ length: streams }, () => requestOn(session, target));
    await Promise.all(
      this.#streams.map(
        (stream) =>
          new Promise<void>((resolve, reject) => {
            stream.once("response", () => resolve());
            stream.once("error", reject);
          }),
      ),
    );
  }

  async resume(count: number): Promise<number> {
    const reading = this.#streams
      .splice(0, count)
      .map((stream) => readWhole(stream, this.#tokens, { clock: this.#clock, onTokens: () => undefined }));
    const read = await Promise.allSettled(reading);
    return read.filter(({ status }) => status === "fulfilled").length;
  }

  close(): void {
    for (const stream of this.#streams) stream.on("error", () => undefined);
    this.#session?.destroy();
    this.#streams = [];
  }
}
