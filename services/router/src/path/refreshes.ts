// New answers for those that were served past their time: in the background, behind everybody else, as requests of their own that
// nobody reads.
import { create } from "@bufbuild/protobuf";
import { CachePolicy, RequestClass } from "@chimera/contracts/common";
import { type GenerateRequest, GenerateRequestSchema } from "@chimera/contracts/router";
import { failSpan, tracer } from "@chimera/telemetry";
import { context as otel, ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { Context } from "../context.ts";
import { openOutcome } from "../measure/outcome.ts";
import type { AskedCall, IncomingCall } from "./call.ts";

/** At a time; more are left out, the next who is served a stale answer begins another. */
const MAX_REFRESHES = 16;
/** Traffic figures leave it out. */
const WORKLOAD = "refresh";

type Make = (call: IncomingCall, request: GenerateRequest) => Promise<void>;

export class Refreshes {
  #running = 0;

  get running(): number {
    return this.#running;
  }

  /** Makes the answer to `stale` anew by `make`. Returns at once, and never throws: whoever caused it has its answer. */
  begin(context: Context, stale: AskedCall, make: Make): void {
    if (this.#running >= MAX_REFRESHES || context.draining().aborted) return;
    const call = incoming(context, stale);
    if (!call) return;
    this.#running += 1;
    const request = create(GenerateRequestSchema, {
      ...stale.request,
      cachePolicy: CachePolicy.REFRESH,
      requestId: "",
      class: RequestClass.BATCH,
    });
    void ownSpan((span) =>
      make(call, request)
        .catch((error: unknown) => {
          failSpan(span, error);
          context.logger.warn({ err: error }, "an answer past its time could not be made anew");
        })
        .finally(() => {
          this.#running -= 1;
        }),
    );
  }
}

/** Undefined where there is no room for one more, or none for this tenant. */
function incoming(context: Context, { tenant, door }: AskedCall): IncomingCall | undefined {
  const arrivedAtMs = context.clock.monotonicMs();
  const signal = context.draining();
  try {
    const pass = context.admission.gate(tenant);
    const outcome = openOutcome(context, { tenant, workload: WORKLOAD, door, signal, arrivedAtMs });
    const call = { tenant, workload: WORKLOAD, door, signal, timeoutMs: undefined, arrivedAtMs, pass, outcome };
    return { ...call, isRefresh: true };
  } catch {
    return undefined;
  }
}

/** A trace of its own: the request that caused it has ended by then. */
async function ownSpan(run: (span: Span) => Promise<void>): Promise<void> {
  const causedBy = trace.getActiveSpan()?.spanContext();
  const span = tracer().startSpan("refresh", causedBy ? { links: [{ context: causedBy }] } : {}, ROOT_CONTEXT);
  await otel.with(trace.setSpan(ROOT_CONTEXT, span), () => run(span));
  span.end();
}
