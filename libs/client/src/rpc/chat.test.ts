// A conversation: turns in order, each of them cut short alone, and what becomes of them when the conversation ends.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ChatRequest, ChatResponseSchema, ChatTurn } from "@chimera/contracts/router";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { accepted, complete, delta, eventually, failure, fakeClient, left, type Part } from "../testing/fake-router.ts";

type Response = MessageInitShape<typeof ChatResponseSchema>;

const part = (turn: number, value: Part): Response => ({ turn, event: { case: "part", value } });
const cancelledTurn = (turn: number): Response => ({ turn, event: { case: "cancelled", value: {} } });

/** What a router has seen of a conversation. */
class Seen {
  turns: ChatTurn[] = [];
  cancels = 0;
  ended = false;
  left = false;
}

/**
 * Answers each turn with its own text, word by word. A turn that says "wait" is answered with one word, and goes on only
 * when it is cancelled.
 */
function conversing() {
  const seen = new Seen();
  const fake = fakeClient({
    async *chat(requests, { signal }) {
      void left(signal).then(() => {
        seen.left = true;
      });
      for await (const { action } of requests as AsyncIterable<ChatRequest>) {
        if (action.case === "cancel") {
          seen.cancels += 1;
          yield cancelledTurn(seen.turns.length - 1);
        }
        if (action.case !== "turn") continue;
        const turn = seen.turns.push(action.value) - 1;
        const words = action.value.content.split(" ");
        yield part(turn, accepted);
        for (const [seq, word] of words.entries()) yield part(turn, delta(seq, word));
        if (!words.includes("wait")) yield part(turn, complete);
      }
      seen.ended = true;
    },
  });
  return { ...fake, seen };
}

describe("a conversation", () => {
  it("answers its turns in order, and ends when it is told to", async () => {
    const { client, seen } = conversing();
    const chat = client.chat({ model: "triage", system: "be brief", sampling: { temperature: 0 } });
    const first = chat.ask("one two");
    const second = chat.ask("three", { sampling: { temperature: 1 }, cachePolicy: "bypass" });
    const pieces: string[] = [];
    for await (const piece of first.text) pieces.push(piece);
    expect(pieces).toEqual(["one", "two"]);
    expect(await first.result()).toMatchObject({ text: "onetwo", servedBy: "inference-1" });
    expect((await second.result()).text).toBe("three");
    await chat.end();
    expect(seen.ended).toBe(true);
    expect(seen.turns).toMatchObject([
      { content: "one two", model: "triage", system: "be brief", sampling: { temperature: 0 } },
      { content: "three", sampling: { temperature: 1 } },
    ]);
    expect((await failure(chat.ask("four").result())).code).toBe("FAILED_PRECONDITION");
  });

  it("goes on behind a turn that was cancelled, left, or took too long", async () => {
    const { client, seen } = conversing();
    const chat = client.chat();

    const cancelled = chat.ask("please wait");
    for await (const event of cancelled) {
      if (event.type === "delta" && event.seq === 1) break;
    }
    const stopped = chat.ask("now wait");
    const error = failure(stopped.result());
    await eventually(() => seen.turns.length).toBe(2);
    chat.cancelTurn();
    expect(await error).toMatchObject({ code: "CANCELLED", partial: { text: "nowwait", nextSeq: 2 } });

    const late = await failure(chat.ask("wait", { deadlineMs: 50 }).result());
    expect(late.code).toBe("DEADLINE_EXCEEDED");

    const controller = new AbortController();
    const aborted = failure(chat.ask("wait again", { signal: controller.signal }).result());
    await eventually(() => seen.turns.length).toBe(4);
    controller.abort();
    expect((await aborted).code).toBe("CANCELLED");

    expect((await chat.ask("still here").result()).text).toBe("stillhere");
    await eventually(() => seen.cancels).toBe(4);
    await chat.end();
  });

  it("does not send a turn that was cancelled while it waited for its own", async () => {
    const { client, seen } = conversing();
    const chat = client.chat();
    const first = chat.ask("wait");
    const second = chat.ask("never sent");
    second.cancel();
    expect((await failure(second.result())).code).toBe("CANCELLED");
    chat.cancelTurn();
    await failure(first.result());
    await chat.ask("third").result();
    expect(seen.turns.map(({ content }) => content)).toEqual(["wait", "third"]);
    await chat.end();
  });

  it("keeps 16 turns waiting, no more", async () => {
    const { client } = conversing();
    await using chat = client.chat();
    chat.ask("wait");
    const waiting = Array.from({ length: 16 }, (_, turn) => failure(chat.ask(`turn ${turn}`).result()));
    expect((await failure(chat.ask("one too many").result())).code).toBe("RESOURCE_EXHAUSTED");
    await chat[Symbol.asyncDispose]();
    for (const turn of waiting) expect((await turn).code).toBe("CANCELLED");
  });

  it("takes no harm from a cancel that crosses the end of its turn", async () => {
    const { client } = fakeClient({
      async *chat(requests) {
        for await (const { action } of requests as AsyncIterable<ChatRequest>) {
          if (action.case === "turn") yield* [part(0, accepted), part(0, complete), cancelledTurn(0)];
          if (action.case === "turn") yield* [part(1, accepted), part(1, delta(0, "two")), part(1, complete)];
        }
      },
    });
    const chat = client.chat();
    const [first, second] = [chat.ask("one"), chat.ask("two")];
    expect((await first.result()).text).toBe("");
    expect((await second.result()).text).toBe("two");
    await chat.end();
  });

  it("that is left ends its call", async () => {
    const { client, seen } = conversing();
    const turn = await (async () => {
      await using chat = client.chat();
      const asked = chat.ask("wait");
      await eventually(() => seen.turns.length).toBe(1);
      return asked;
    })();
    expect((await failure(turn.result())).code).toBe("CANCELLED");
    await eventually(() => seen.left).toBe(true);
  });

  it("ends with its signal, and with the client", async () => {
    for (const how of ["signal", "close"] as const) {
      const { client, seen } = conversing();
      const controller = new AbortController();
      const chat = client.chat({ signal: controller.signal });
      const turn = failure(chat.ask("wait").result());
      await eventually(() => seen.turns.length).toBe(1);
      if (how === "signal") controller.abort();
      else client.close();
      expect((await turn).code).toBe("CANCELLED");
      await eventually(() => seen.left).toBe(true);
    }
  });

  it("that fails takes its turns with it: what was said stays readable, and the next turn is told", async () => {
    const { client } = fakeClient({
      async *chat() {
        yield* [part(0, accepted), part(0, delta(0, "so far"))];
        throw new ConnectError("the replica was lost", Code.Unavailable);
      },
    });
    const chat = client.chat();
    const [first, second] = [chat.ask("one"), chat.ask("two")];
    expect(await failure(first.result())).toMatchObject({
      code: "UNAVAILABLE",
      partial: { text: "so far", nextSeq: 1 },
      requestId: "request-1",
    });
    expect((await failure(second.result())).code).toBe("UNAVAILABLE");
    expect(await failure(chat.ask("three").result())).toMatchObject({
      code: "FAILED_PRECONDITION",
      cause: { message: "the replica was lost" },
    });
    await chat.end();
  });

  it("that the router ends while a turn is open is UNAVAILABLE", async () => {
    const { client } = fakeClient({
      async *chat() {
        yield* [part(0, accepted)];
      },
    });
    expect((await failure(client.chat().ask("one").result())).code).toBe("UNAVAILABLE");
  });

  it("that answers what was not asked is DATA_LOSS", async () => {
    const { client } = fakeClient({
      async *chat() {
        yield* [part(1, accepted)];
      },
    });
    expect((await failure(client.chat().ask("one").result())).code).toBe("DATA_LOSS");
  });
});
