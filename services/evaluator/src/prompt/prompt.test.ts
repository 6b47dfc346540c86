import { create } from "@bufbuild/protobuf";
import { PromptSettingsSchema } from "@chimera/contracts/evaluator";
import { describe, expect, it } from "vitest";
import { splitName } from "../dataset/catalogue.ts";
import { DataSets } from "../dataset/data-sets.ts";
import type { Item } from "../dataset/item.ts";
import { loadPool } from "./load-pool.ts";
import { messagesFor, PLAIN, promptPlan } from "./prompt.ts";
import { ShotPool } from "./shots.ts";

function item(id: string, input: string, more: Partial<Item> = {}): Item {
  return { id, input, target: `label=${id}`, tenant: "aster", hash: id, ...more };
}

const pool = new ShotPool([
  item("parcel", "where is my zorblat parcel please tell"),
  item("parcel2", "the zorblat parcel is late please tell", { target: "label=parcel" }),
  item("login", "cannot log in please tell"),
  item("money", "give the money back please tell"),
  item("foreign", "zorblat zorblat", { tenant: "birch" }),
]);
const asked = item("asked", "where has my zorblat parcel gone");
const shown = (selection: "fixed" | "similar" | "diverse", count = 2) =>
  pool.choose(asked, { count, selection }).map(({ input }) => input.split(" ").slice(0, 3).join(" "));

describe("promptPlan", () => {
  it("is plain where nothing is set, and fills in what is left out", () => {
    expect(promptPlan(undefined, "prompt")).toEqual(PLAIN);
    const plan = promptPlan(create(PromptSettingsSchema, { shots: 4 }), "prompt");
    expect(plan).toEqual({ template: "plain", shots: 4, selection: "similar", votes: 1 });
  });

  it("names every field that can not be used", () => {
    const wrong = create(PromptSettingsSchema, { template: "x", shots: 17, votes: 10, shotSelection: "random" });
    expect(() => promptPlan(wrong, "baseline.prompt")).toThrow(
      /baseline\.prompt\.template.*\.shots: at most 16.*\.votes: at most 9.*\.shot_selection: one of fixed, similar, diverse/,
    );
  });
});

describe("shots", () => {
  it("are the most similar of the item's own tenant, the best one last", () => {
    expect(shown("similar")).toEqual(["the zorblat parcel", "where is my"]);
  });

  it("are the first of the pool where fixed, and of different answers where diverse", () => {
    expect(shown("fixed")).toEqual(["where is my", "the zorblat parcel"]);
    expect(shown("diverse", 3).length).toBe(3);
    const targets = pool.choose(asked, { count: 3, selection: "diverse" }).map(({ target }) => target);
    expect(new Set(targets).size).toBe(3);
  });

  it("are never the item, its text, or its near duplicate", () => {
    const near = new ShotPool([
      item("a", "one text", { cluster: "c1" }),
      item("b", "two text", { cluster: "c2" }),
      item("c", "same words"),
    ]);
    const question = item("q", "same words", { cluster: "c1" });
    const inputs = near.choose(question, { count: 3, selection: "fixed" }).map(({ input }) => input);
    expect(inputs).toEqual(["two text"]);
  });

  it("refuse a pool that holds what is scored", () => {
    expect(() => pool.assertApart([item("x", "new"), item("login", "cannot log in please tell")])).toThrow(/"login"/);
  });
});

describe("the tickets", () => {
  it("show every holdout ticket four solved ones of its own tenant, none of them scored", async () => {
    const tickets = await loadPool("tickets", new DataSets(undefined));
    const { items } = await new DataSets(undefined).load(splitName("tickets", "holdout"), 50);
    tickets.assertApart(items);
    for (const each of items) {
      const messages = messagesFor(each, { ...PLAIN, template: "desk", shots: 4 }, tickets);
      expect(messages.map(({ role }) => role[0]).join("")).toBe("suauauauau");
      expect(messages.at(-1)?.content).toBe(each.input);
    }
  });

  it("name what may be answered where the template asks for it", async () => {
    const tickets = await loadPool("tickets", new DataSets(undefined));
    const [system] = messagesFor(item("q", "hi"), { ...PLAIN, template: "labels" }, tickets);
    expect(system?.content).toContain("intent=refund priority=normal");
  });
});
