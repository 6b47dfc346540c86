import { seededRandom } from "@chimera/kernel";
import { expect, it } from "vitest";
import { sampleAnswer, textOfBody } from "../test-data.ts";
import { answersUnderTest, question } from "../testing/answers.ts";
import { SemanticMatch } from "./semantic-match.ts";

/** Texts are numbers that lie on a circle, in degrees. */
const embedder = {
  async embed(text: string) {
    const angle = (Number.parseFloat(text) * Math.PI) / 180;
    return [Math.cos(angle), Math.sin(angle)];
  },
};

/** A cache whose tenant "acme" takes similar answers, and so many similar questions that it does. */
async function start() {
  const tenants = new Map([["acme", { errorBound: 0.1 }]]);
  const test = await answersUnderTest({ semantic: new SemanticMatch({ tenants, embedder, random: seededRandom(3) }) });
  const answer = sampleAnswer(["the one answer"]);
  const ask = async (prompt: string, tenant = "acme") => {
    const found = await test.answers.lookup(question(prompt, tenant));
    if (found.body === undefined) await test.keep(prompt, { tenant, answer });
    return found;
  };
  for (let i = 0; i < 300; i++) await ask(`${(i / 100).toFixed(2)}`);
  return { ...test, ask };
}

/** A question in other words that is served; one in fifty is answered anew to compare. */
async function askedSimilarly({ ask }: Awaited<ReturnType<typeof start>>, tenant?: string) {
  for (let i = 0; i < 10; i++) {
    const found = await ask(`1.00${i}1`, tenant);
    if (found.body !== undefined) return found;
  }
  return undefined;
}

it("is a hit that says whose answer it is", async () => {
  const test = await start();
  const hitsBefore = test.answers.statistics().hits;
  const found = await askedSimilarly(test);
  expect(textOfBody(found?.body)).toBe("the one answer");
  expect(found?.reason).toMatch(/^stored .* ago for a similar question, similarity 1\.000$/);
  expect(test.answers.statistics().hits).toBeGreaterThan(hitsBefore);
});

it("never crosses tenants", async () => {
  const test = await start();
  expect(await askedSimilarly(test, "globex")).toBeUndefined();
});

it("serves nothing that was pruned, invalidated or is past its time", async () => {
  const test = await start();
  for (const entry of [...test.index.entries()]) test.answers.drop(entry, "invalidated");
  expect((await test.ask("1.5")).body).toBeUndefined();

  const later = await start();
  later.clock.ms += 86_400_000;
  expect((await later.ask("1.50001")).body).toBeUndefined();
});
