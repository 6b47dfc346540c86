// Connect's manager of HTTP/2 connections, with one flaw mended: of two calls that lose a silent connection together, the second
// leaves one without a listener for its errors, and node ends the process when it breaks.
import type * as http2 from "node:http2";
import { Http2SessionManager } from "@connectrpc/connect-node";

export class SessionManager extends Http2SessionManager {
  readonly #heard = new WeakSet<http2.Http2Session>();

  override async request(...call: Parameters<Http2SessionManager["request"]>): Promise<http2.ClientHttp2Stream> {
    const stream = await super.request(...call);
    const { session } = stream;
    if (session && !this.#heard.has(session)) {
      this.#heard.add(session);
      // Its streams fail and tell their callers.
      session.on("error", () => undefined);
    }
    return stream;
  }
}
