// A request that is no valid protobuf is the caller's fault. Connect reports it as INTERNAL, which would page the people who
// run the service and make clients try again; here it becomes INVALID_ARGUMENT.
import type { ConnectRouter } from "@connectrpc/connect";

type Handler = ConnectRouter["handlers"][number];
type Response = Awaited<ReturnType<Handler>>;

const GRPC_INTERNAL = "13";
const GRPC_INVALID_ARGUMENT = "3";
/** Connect's streams: one byte of flags, four of length; this flag marks the last message. */
const END_OF_STREAM = 0x02;
const ENVELOPE_BYTES = 5;
/** How Connect's own message begins, as text and as it travels in grpc-message. */
const MARK = "parse binary: ";
const MARK_ENCODED = encodeURIComponent(MARK.slice(0, -1));

/** Wraps every handler registered so far. Call it after the last `router.service`. */
export function blameTheCaller(router: ConnectRouter): void {
  const wrapped = router.handlers.map((handler) =>
    Object.assign(async (request: Parameters<Handler>[0]) => corrected(await handler(request)), handler),
  );
  router.handlers.splice(0, router.handlers.length, ...wrapped);
}

async function corrected(response: Response): Promise<Response> {
  const { trailer } = response;
  // A call that fails while its request is read has its status before its body.
  if (trailer?.get("grpc-status") === GRPC_INTERNAL && trailer.get("grpc-message")?.startsWith(MARK_ENCODED)) {
    trailer.set("grpc-status", GRPC_INVALID_ARGUMENT);
  }
  if (!response.body || !response.header?.get("content-type")?.match(/^application\/(json|connect\+)/)) return response;
  const body = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const first = await body.next();
  if (first.done) return { ...response, body: rest(body) };
  const better = correctedError(first.value);
  const status = better && response.status === 500 ? 400 : response.status;
  return { ...response, status, body: rest(body, better ?? first.value) };
}

/** The error as Connect writes it: bare JSON of a unary call, or an envelope that ends a stream. */
function correctedError(bytes: Uint8Array): Uint8Array | undefined {
  const isEnvelope = bytes[0] === END_OF_STREAM;
  const text = Buffer.from(bytes.subarray(isEnvelope ? ENVELOPE_BYTES : 0)).toString("utf8");
  if (!text.includes(`"code":"internal","message":"${MARK}`)) return undefined;
  const json = Buffer.from(text.replace('"code":"internal"', '"code":"invalid_argument"'));
  if (!isEnvelope) return json;
  const head = Buffer.alloc(ENVELOPE_BYTES);
  head[0] = END_OF_STREAM;
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

async function* rest(body: AsyncIterator<Uint8Array>, first?: Uint8Array): AsyncGenerator<Uint8Array> {
  if (first) yield first;
  yield* { [Symbol.asyncIterator]: () => body };
}
