// Services that are not on the way of a token may die at any moment: no request notices.
import type { ServiceName } from "@chimera/supervisor";
import { ask, cacheStatus, longStory, startTestMesh, ticket, until } from "@chimera/testkit";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, it } from "vitest";

const LOST: ServiceName[] = ["insight", "evaluator", "cache"];

it("kill -9 of insight, evaluator and cache while requests stream fails none of them", async () => {
  await using test = await startTestMesh();
  for (const name of LOST) {
    const stories = Array.from({ length: 8 }, () => ask(test.router, longStory(500)));
    const lost = test.mesh.process(name);
    lost.kill("SIGKILL");
    await lost.exited;
    // Some that were in flight, and some that come when it is already gone.
    const tickets = Array.from({ length: 32 }, (_, i) =>
      ask(test.router, ticket(`${name} ${i} . my parcel has not arrived`)),
    );
    for (const answer of await Promise.all(stories)) expect(answer.complete.usage?.completionTokens).toBe(500);
    for (const answer of await Promise.all(tickets)) expect(answer.text).toContain("intent=");
  }
  const answer = await ask(test.router, ticket("the total is rounded wrongly"));
  expect(cacheStatus(answer)).toBe("miss");
  expect(answer.accepted.cache?.reason).toMatch(/cache unavailable|no answer within/);
});

it("a cache that hangs costs its budget, not the request", async () => {
  await using test = await startTestMesh({ env: { ROUTER_CACHE_BUDGET_MS: "50" } });
  const cache = test.mesh.process("cache");
  cache.kill("SIGSTOP");
  const answers = await Promise.all(
    Array.from({ length: 16 }, (_, i) => ask(test.router, ticket(`order ${i} . i can not sign in`))),
  );
  expect(answers.every(({ text }) => text.includes("intent="))).toBe(true);
  expect(answers[0]?.accepted.cache?.reason).toMatch(/no answer within 50 ms|cache unavailable/);
  cache.kill("SIGCONT");
});

it("a lost inference replica leaves the other one serving", async () => {
  await using test = await startTestMesh({ replicas: { inference: 2 } });
  await ask(test.router, ticket("hello"));
  const lost = test.mesh.process("inference-2");
  lost.kill("SIGKILL");
  await lost.exited;
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_, i) => ask(test.router, ticket(`order ${i} . the site is down`))),
  );
  expect(new Set(answers.map(({ accepted }) => accepted.servedBy)).size).toBe(1);
});

it("the only replica, dying in the middle of an answer, ends its stream with UNAVAILABLE and its name, on every door", async () => {
  await using test = await startTestMesh({ serviceEnv: { router: { ROUTER_RESUME_WAIT_MS: "500" } } });
  const error = (reading: Promise<unknown>) =>
    reading.then(
      () => undefined,
      (caught: unknown) => ConnectError.from(caught),
    );
  const overGrpc = error(ask(test.router, longStory()));
  const body = {
    messages: [{ role: "user", content: "order 1 . my parcel has not arrived" }],
    max_tokens: 900,
    temperature: 0,
    stop: ["\u0000"],
  };
  const overHttp = fetch(`${test.mesh.url("router")}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  await until("both at work", async () => (await test.inference.describe({})).activeGenerations === 2);
  test.mesh.process("inference").kill("SIGKILL");
  const lost = await overGrpc;
  expect(lost?.code).toBe(Code.Unavailable);
  expect(lost?.message).toMatch(/inference.* was lost in the middle of the answer/);
  const response = await overHttp;
  expect(response.status).toBe(503);
  expect(await response.text()).toMatch(/was lost in the middle of the answer/);
});
