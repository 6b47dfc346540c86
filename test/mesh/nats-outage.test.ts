// NATS goes away for 20 s in the middle of the load: no request fails, and every outcome is in the stream exactly once.
import { setTimeout } from "node:timers/promises";
import { connectEvents } from "@chimera/events";
import { ask, startTestMesh, ticket, until } from "@chimera/testkit";
import { expect, it } from "vitest";

const OUTAGE_MS = 20_000;

it("requests go on without NATS, and no outcome is lost or doubled", async () => {
  await using test = await startTestMesh();
  const asked: string[] = [];
  let going = true;
  const client = async (name: number) => {
    for (let i = 0; going; i++) {
      const requestId = `outage-${name}-${i}`;
      asked.push(requestId);
      const answer = await ask(test.router, { ...ticket(`order ${i} . i want my money back`), requestId });
      expect(answer.text).toContain("intent=");
    }
  };
  const clients = Promise.all([0, 1, 2].map(client));
  // SIGSTOP leaves the connections open and silent: worse than a closed port, since nothing says that it is gone.
  await until("some requests before the outage", () => asked.length > 20);
  const nats = test.mesh.nats?.process;
  nats?.kill("SIGSTOP");
  await setTimeout(OUTAGE_MS);
  nats?.kill("SIGCONT");
  const during = asked.length;
  await until("some requests after the outage", () => asked.length > during + 20);
  going = false;
  await clients;

  const stored = await outcomes(test.mesh.natsUrl, asked);
  expect(stored.toSorted()).toEqual(asked.toSorted());
});

/** Request ids of every stored outcome, once the stream holds at least as many as were asked. */
async function outcomes(url: string, asked: readonly string[]): Promise<string[]> {
  const quiet = { info: () => undefined, warn: () => undefined };
  const bus = await connectEvents({ url, name: "test", logger: quiet });
  const ids: string[] = [];
  await bus.follow({
    kinds: ["requestFinished"],
    handle: ({ event }) => void (event.kind === "requestFinished" && ids.push(event.message.requestId)),
  });
  await until("every outcome in the stream", () => asked.every((id) => ids.includes(id)));
  // What would come twice comes within one more retry.
  await setTimeout(1000);
  await bus.close();
  return ids.filter((id) => id.startsWith("outage-"));
}
