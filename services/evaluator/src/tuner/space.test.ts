import { seededRandom } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { productSpace } from "./product-space.ts";
import { keyOf, SearchSpace } from "./space.ts";

const product = new SearchSpace(productSpace(["plain", "labels"]));

describe("SearchSpace", () => {
  it("draws only configurations that it accepts itself, and finds their points again", () => {
    const random = seededRandom(1);
    for (let draw = 0; draw < 300; draw++) {
      const configuration = product.firstAllowed(() => product.axes.map(() => random()));
      product.check(configuration);
      expect(keyOf(product.at(product.pointOf(configuration)))).toBe(keyOf(configuration));
    }
  });

  it("leaves out what has no effect", () => {
    const greedy = product.at(product.axes.map(() => 0));
    expect(greedy).toMatchObject({ temperature: 0, shot_selection: "none", template: "plain" });
    expect(Object.keys(greedy)).not.toContain("top_p");
    expect(Object.keys(greedy)).not.toContain("shots");
    expect(product.at(product.axes.map(() => 0.9999))).toMatchObject({
      temperature: 1.5,
      shots: 16,
      votes: 9,
      top_k: 200,
      max_tokens: 128,
    });
  });

  it("gives every discrete value its equal share of the axis", () => {
    const space = new SearchSpace({ parameters: { n: { kind: "int", low: 0, high: 4 } } });
    const counts = new Map<unknown, number>();
    for (let i = 0; i < 100; i++) {
      const { n } = space.at([i / 100]);
      counts.set(n, (counts.get(n) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual([20, 20, 20, 20, 20]);
  });

  it("keeps constraints", () => {
    const space = new SearchSpace({
      parameters: {
        a: { kind: "int", low: 0, high: 10 },
        b: { kind: "int", low: 0, high: 10 },
        c: { kind: "boolean" },
      },
      constraints: [
        { kind: "linear", weights: { a: 1, b: 2 }, atMost: 12 },
        { kind: "forbidden", values: { a: 0, c: true } },
      ],
    });
    const random = seededRandom(2);
    for (let draw = 0; draw < 200; draw++) {
      const { a, b, c } = space.firstAllowed(() => [random(), random(), random()]);
      expect(Number(a) + 2 * Number(b)).toBeLessThanOrEqual(12);
      expect(a === 0 && c === true).toBe(false);
    }
    expect(() => space.check({ a: 10, b: 10, c: false })).toThrow("1 × a + 2 × b is at most 12");
    expect(() => space.check({ a: 0, b: 0, c: true })).toThrow('not together: {"a":0,"c":true}');
  });

  it("says that constraints leave nothing", () => {
    const space = new SearchSpace({
      parameters: { a: { kind: "int", low: 1, high: 2 } },
      constraints: [{ kind: "linear", weights: { a: 1 }, atMost: 0 }],
    });
    expect(() => space.firstAllowed(() => [0.5])).toThrow("no allowed combination");
  });

  it.each([
    [{ parameters: {} }, "1 to 40"],
    [{ parameters: { a: { kind: "float", low: 2, high: 1 } } }, "low 2 is above high 1"],
    [{ parameters: { a: { kind: "int", low: 0, high: 9, scale: "log" } } }, "needs low above 0"],
    [{ parameters: { a: { kind: "categorical", choices: ["x", "x"] } } }, "there twice"],
    [{ parameters: { a: { kind: "boolean", when: { parameter: "b", above: 1 } } } }, "b, which is no parameter"],
    [
      {
        parameters: {
          a: { kind: "boolean", when: { parameter: "b", in: [true] } },
          b: { kind: "boolean", when: { parameter: "a", in: [true] } },
        },
      },
      "leads back to itself",
    ],
    [
      { parameters: { a: { kind: "boolean" } }, constraints: [{ kind: "forbidden", values: { z: 1 } }] },
      "z is no parameter",
    ],
    [{ parameters: { a: { kind: "float", low: 0, high: 1, colour: "red" } } }, "colour"],
  ])("refuses a wrong description and says what is wrong: %#", (description, problem) => {
    expect(() => new SearchSpace(description)).toThrow(problem);
  });

  it("names every mistake of a configuration at once", () => {
    const wrong = {
      ...product.at(product.axes.map(() => 0)),
      temperature: 3,
      top_p: 0.5,
      colour: "red",
      template: "none",
    };
    expect(() => product.check(wrong)).toThrow(
      /temperature: float from 0 to 1.5.*template: one of plain, labels.*colour: not a parameter/,
    );
  });
});
