// The same question asked by several at the same time: one generation, and everybody has all of it.
import { RouterService } from "@chimera/contracts/router";
import { connectClient, type RpcClient } from "@chimera/rpc";
import { type Answer, ask, openAnswer, readAnswer } from "@chimera/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakeMesh, startFakeMesh } from "./fake-mesh.ts";

let mesh: FakeMesh;
let router: RpcClient<typeof RouterService>;
beforeAll(async () => {
  mesh = await startFakeMesh();
  router = connectClient(RouterService, mesh.url);
});
afterAll(async () => {
  router.close();
  await mesh[Symbol.asyncDispose]();
});

const question = (prompt: string) => ({ prompt, sampling: { temperature: 0 } });

describe("the same question at the same time", () => {
  it("is computed once, also for those who come late, and says who joined", async () => {
    const first = ask(router.client, question("same"), { tenant: "acme" });
    const stream = await mesh.next();
    stream.accept();
    stream.delta("a");
    const others = Array.from({ length: 20 }, () => joining("same", "acme"));
    const begun = await Promise.all(others.map(({ accepted }) => accepted));
    expect(begun.every((reason) => reason?.startsWith("joined"))).toBe(true);
    stream.delta("b");
    stream.complete();
    const answers = await Promise.all([first, ...others.map(({ answer }) => answer)]);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(["ab"]));
    expect(answers.map(({ complete }) => complete.usage?.completionTokens)).toEqual(Array(21).fill(2));
  });

  it("is not shared between tenants, nor where it was asked to bypass", async () => {
    const asked = [
      ask(router.client, question("apart"), { tenant: "acme" }),
      ask(router.client, question("apart"), { tenant: "other" }),
      ask(router.client, { ...question("apart"), cachePolicy: 1 }, { tenant: "acme" }),
    ];
    for (let i = 0; i < 3; i++) {
      const stream = await mesh.next();
      stream.accept();
      stream.delta(String(i));
      stream.complete();
    }
    expect(new Set((await Promise.all(asked)).map(({ text }) => text)).size).toBe(3);
  });

  it("goes on when the first one leaves, and ends when the last one does", async () => {
    const leavers = [new AbortController(), new AbortController()];
    const [first, second] = leavers;
    const one = joining("leave", "acme", first?.signal);
    const stream = await mesh.next();
    stream.accept();
    stream.delta("a");
    await one.accepted;
    const two = joining("leave", "acme", second?.signal);
    expect(await two.accepted).toMatch(/^joined/);
    first?.abort();
    await expect(one.answer).rejects.toThrow();
    stream.delta("b");
    second?.abort();
    await stream.left.promise;
    await expect(two.answer).rejects.toThrow();
  });
});

/** `accepted`: why the cache had no answer, as soon as that is told. */
function joining(
  prompt: string,
  tenant: string,
  signal?: AbortSignal,
): { accepted: Promise<string | undefined>; answer: Promise<Answer> } {
  const accepted = Promise.withResolvers<string | undefined>();
  const parts = openAnswer(router.client, question(prompt), { tenant, ...(signal && { signal }) });
  async function* watched() {
    for await (const part of parts) {
      if (part.part.case === "accepted") accepted.resolve(part.part.value.cache?.reason);
      yield part;
    }
  }
  const answer = readAnswer(watched());
  answer.catch(accepted.reject);
  return { accepted: accepted.promise, answer };
}
