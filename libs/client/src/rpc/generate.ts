// One answer over RouterService.Generate. The call begins at once; until the first delta it may be tried again.
import { AnswerFeed, type AnswerStream } from "../answer-stream.ts";
import type { CallOptions } from "../options.ts";
import { callHeaders } from "../options.ts";
import { type GenerateInput, toGenerateRequest } from "../request.ts";
import { CallScope } from "./call-scope.ts";
import { toFailure } from "./failure.ts";
import type { Shared } from "./surroundings.ts";

interface Call {
  shared: Shared;
  scope: CallScope;
  feed: AnswerFeed;
  request: ReturnType<typeof toGenerateRequest>;
}

export function generate(shared: Shared, input: GenerateInput, options: CallOptions = {}): AnswerStream {
  const { clock, live } = shared;
  const deadlineMs = options.deadlineMs ?? shared.options.deadlineMs;
  const feed = new AnswerFeed({ clock, requestId: input.requestId, onStop: (reason) => scope.abort(reason) });
  const scope = new CallScope({ signal: options.signal, deadlineMs, clock, live });
  void run({ shared, scope, feed, request: toGenerateRequest(input) });
  return feed.stream;
}

async function run(call: Call): Promise<void> {
  const { scope, feed } = call;
  // The reader hears of an abort at once, also while the call waits for something that does not.
  const onAbort = () => feed.fail(scope.signal.reason);
  scope.signal.addEventListener("abort", onAbort, { once: true });
  if (scope.signal.aborted) onAbort();
  try {
    while (!feed.hasEnded) await attempt(call);
  } finally {
    scope.close();
  }
}

async function attempt(call: Call): Promise<void> {
  const { shared, scope, feed } = call;
  try {
    await transfer(call);
  } catch (error) {
    if (feed.hasEnded) return;
    const failure = toFailure(error, shared.connection);
    // The answer is whole; how its connection ended says nothing of it.
    if (feed.answer.isComplete) feed.finish();
    else if (!(await waitForNext(call, failure))) scope.abort(failure.error);
    return;
  }
  shared.retry.succeeded();
  feed.finish();
}

async function transfer({ shared, scope, feed, request }: Call): Promise<void> {
  const [router, headers] = await Promise.all([shared.router(), callHeaders(shared.options)]);
  scope.throwIfAborted();
  const { signal, remainingMs: timeoutMs } = scope;
  for await (const part of router.generate(request, { headers, signal, timeoutMs })) await feed.part(part);
}

/** False where the call has failed for good. */
async function waitForNext({ shared, scope, feed }: Call, failure: ReturnType<typeof toFailure>): Promise<boolean> {
  const { retry, sleep } = shared;
  if (feed.answer.hasBegun) return false;
  const delayMs = retry.delayMs(failure, feed.answer.attempts);
  if (delayMs === undefined || delayMs >= (scope.remainingMs ?? Number.POSITIVE_INFINITY)) return false;
  await sleep(delayMs, scope.signal);
  feed.answer.attempts += 1;
  return true;
}
