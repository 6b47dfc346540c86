import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { renderDataFiles } from "./data-card.ts";
import { jargonOf, splitOf, TENANTS } from "./data-sets.ts";
import { jargonWordsIn, loadTickets, parseLabels, SPLITS, type Ticket } from "./index.ts";

async function loadAll(): Promise<Ticket[]> {
  return (await Promise.all(SPLITS.map(loadTickets))).flat();
}

describe("the committed data sets", () => {
  it("are byte for byte what the generator writes", async () => {
    for (const file of renderDataFiles()) {
      const committed = await readFile(new URL(`../data/${file.name}`, import.meta.url), "utf8");
      expect(committed === file.content, `data/${file.name} differs: run node libs/tickets/src/generate.ts`).toBe(true);
    }
  });

  it("share no text and no cluster between two splits", async () => {
    for (const key of ["input", "cluster"] as const) {
      const splits = Map.groupBy(await loadAll(), (ticket) => ticket[key]);
      const leaks = [...splits].filter(([, tickets]) => new Set(tickets.map((ticket) => ticket.split)).size > 1);
      expect(leaks).toEqual([]);
    }
  });

  it("hold every ticket in the split its cluster asks for, under an id of its own", async () => {
    const tickets = await loadAll();
    expect(tickets.filter((ticket) => splitOf(ticket.cluster) !== ticket.split)).toEqual([]);
    expect(new Set(tickets.map((ticket) => ticket.id)).size).toBe(tickets.length);
  });

  it.each(["holdout", "vault"] as const)(
    "have a %s of at least 600 tickets of 16 tenants, near 16 %% of them jargon",
    async (split) => {
      const tickets = await loadTickets(split);
      expect(tickets.length).toBeGreaterThanOrEqual(600);
      expect(new Set(tickets.map((ticket) => ticket.tenant))).toEqual(new Set(TENANTS));
      const jargon = tickets.filter((ticket) => jargonWordsIn(ticket.input).length > 0).length / tickets.length;
      expect(jargon).toBeGreaterThanOrEqual(0.14);
      expect(jargon).toBeLessThanOrEqual(0.18);
    },
  );

  it("have enough for validation", async () => {
    expect((await loadTickets("validation")).length).toBeGreaterThanOrEqual(300);
  });

  it("explain the jargon of the holdout in each tenant's history, up to label noise", async () => {
    const history = await loadTickets("history");
    for (const tenant of TENANTS) {
      const own = history.filter((ticket) => ticket.tenant === tenant && jargonWordsIn(ticket.input).length > 0);
      const agreeing = own.filter(
        (ticket) => jargonOf(tenant).get(jargonWordsIn(ticket.input)[0] ?? "") === ticket.intent,
      );
      expect(own.length).toBeGreaterThanOrEqual(8);
      expect(agreeing.length / own.length).toBeGreaterThanOrEqual(0.75);
    }
  });

  it("mislabel a few intents: jargon words do not always get their meaning", async () => {
    const jargon = (await loadAll()).filter((ticket) => jargonWordsIn(ticket.input).length > 0);
    const wrong = jargon.filter(
      (ticket) => jargonOf(ticket.tenant).get(jargonWordsIn(ticket.input)[0] ?? "") !== ticket.intent,
    );
    expect(wrong.length / jargon.length).toBeGreaterThan(0.01);
    expect(wrong.length / jargon.length).toBeLessThan(0.06);
  });

  it("name their labels in a target that parses back", async () => {
    for (const { target, intent, priority } of await loadAll())
      expect(parseLabels(target)).toEqual({ intent, priority });
  });
});
