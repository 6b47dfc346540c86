// HEALTHCHECK of every image: one grpc.health.v1 Check, by node:http2 alone, so that it runs without any package.
// Usage: node healthcheck.mjs PORT_VARIABLE, for example ROUTER_PORT. Exit code 0 where the service says SERVING, else 1.
import { connect } from "node:http2";

/** Shorter than the time-out of the HEALTHCHECK, so that the reason is printed before Docker ends the probe. */
const TIMEOUT_MS = 2000;
/** One gRPC message: not compressed, 0 bytes long. An empty HealthCheckRequest asks for the whole server. */
const ASK_FOR_SERVER = Buffer.alloc(5);
/** A HealthCheckResponse with status 1, SERVING, behind its five bytes of framing. */
const SERVING = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
/** More than any HealthCheckResponse takes; whoever sends more is not a health service. */
const MAX_ANSWER_BYTES = 64;

const variable = process.argv[2] ?? "";
const port = Number(process.env[variable]);
if (!Number.isInteger(port) || port < 1 || port > 65535) end(`${variable || "the port's variable"} holds no port`);

setTimeout(() => end(`no answer within ${TIMEOUT_MS} ms`), TIMEOUT_MS);
const session = connect(`http://127.0.0.1:${port}`);
session.on("error", (error) => end(error.message));
const call = session.request({
  ":method": "POST",
  ":path": "/grpc.health.v1.Health/Check",
  "content-type": "application/grpc",
  te: "trailers",
});
let answer = Buffer.alloc(0);
call.on("data", (bytes) => {
  answer = Buffer.concat([answer, bytes]);
  if (answer.length > MAX_ANSWER_BYTES) end("the answer is not one of grpc.health.v1");
});
call.on("error", (error) => end(error.message));
call.on("end", () => end(answer.equals(SERVING) ? undefined : "not serving"));
call.end(ASK_FOR_SERVER);

/** @param {string} [problem] what a person reads in `docker inspect` */
function end(problem) {
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exit(problem === undefined ? 0 : 1);
}
