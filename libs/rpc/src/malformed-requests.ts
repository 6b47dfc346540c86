// A request that is no valid protobuf is the caller's fault. Connect reports it as INTERNAL, which would page the people who
// run the service and make clients try again; here it becomes INVALID_ARGUMENT.
import type { ConnectRouter } from "@connectrpc/connect";

type Handler = ConnectRouter["handlers"][number];
type Response = Awaited<ReturnType<Handler>>;

const GRPC_INTERNAL = "13";
const GRPC_INVALID_ARGUMENT = "3";
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
  return response.status === 500 && response.body ? correctedBody(response) : response;
}

/** Unary Connect: the error is a small JSON body. */
async function correctedBody(response: Response): Promise<Response> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const text = bytes.toString("utf8");
  if (!text.includes(`"message":"${MARK}`)) return { ...response, body: once(bytes) };
  const body = Buffer.from(JSON.stringify({ ...JSON.parse(text), code: "invalid_argument" }));
  return { ...response, status: 400, body: once(body) };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
