import { describe, expect, it } from "vitest";
import { GrammarError } from "./gbnf.ts";
import { checkGbnf } from "./gbnf-check.ts";
import { jsonSchemaToGbnf } from "./json-schema.ts";

const translate = (schema: unknown) => jsonSchemaToGbnf(JSON.stringify(schema));
const nested = (depth: number): unknown => (depth === 0 ? true : { type: "array", items: nested(depth - 1) });

describe("jsonSchemaToGbnf", () => {
  it.each([
    ["anything", true],
    [
      "an object of labels",
      { properties: { intent: { type: "string", enum: ["a", 'b"\\\n'] }, n: { type: "integer" } } },
    ],
    ["any object", { type: "object" }],
    ["a map", { type: "object", additionalProperties: { type: ["number", "null"] } }],
    ["lists with bounds", { type: "array", items: { type: "boolean" }, minItems: 2, maxItems: 5 }],
    [
      "texts with bounds and formats",
      {
        anyOf: [
          { type: "string", maxLength: 200 },
          { type: "string", format: "date-time" },
        ],
      },
    ],
    ["constants of every kind", { enum: [1, "a", null, true, { a: [1, { b: 2 }] }, []] }],
    [
      "a tree of two kinds of nodes",
      {
        $ref: "#/$defs/node",
        $defs: {
          node: {
            anyOf: [
              { type: "object", properties: { kind: { const: "leaf" }, value: { type: "number" } } },
              { properties: { kind: { const: "fork" }, parts: { type: "array", items: { $ref: "#/$defs/node" } } } },
            ],
          },
        },
      },
    ],
    ["a list of itself", { type: "array", items: { $ref: "#" } }],
  ])("makes a grammar that can be followed of %s", (_name, schema) => {
    expect(() => checkGbnf(translate(schema))).not.toThrow();
  });

  it.each([
    ["text that is no JSON", "{", /is not JSON/],
    ["a number", "1", /#: must be an object or true/],
    ["what admits nothing", "false", /must be an object or true/],
    [
      "a keyword it can not enforce",
      '{"properties":{"a":{"type":"string","pattern":"x"}}}',
      /#\/properties\/a: "pattern"/,
    ],
    ["a range of numbers", '{"type":"number","minimum":1}', /"minimum" is not supported/],
    ["an unknown type", '{"type":"text"}', /"text" is no type/],
    ["an unknown format", '{"type":"string","format":"email"}', /"email" is not supported/],
    [
      "a required property that is not described",
      '{"type":"object","required":["a"]}',
      /"a" is none of the properties/,
    ],
    ["an empty choice", '{"anyOf":[]}', /must be a list that is not empty/],
    ["a constant of another type", '{"type":"string","enum":["a",1]}', /1 is not of the type/],
    ["a reference elsewhere", '{"items":{"$ref":"http://a/b"}}', /#\/items: \$ref "http:\/\/a\/b" leads nowhere/],
    ["a reference to what all objects have", '{"$ref":"#/$defs/constructor","$defs":{}}', /leads nowhere/],
    ["bounds the wrong way round", '{"type":"array","minItems":3,"maxItems":2}', /minItems and maxItems/],
    ["deep nesting", JSON.stringify(nested(200)), /nested more than 32 deep/],
  ])("refuses %s, by its place", (_name, text, reason) => {
    expect(() => jsonSchemaToGbnf(text)).toThrow(GrammarError);
    expect(() => jsonSchemaToGbnf(text)).toThrow(reason);
  });

  it("leaves it to the check to refuse what only turns around itself, or has no bound that can be kept", () => {
    expect(() => checkGbnf(translate({ $ref: "#" }))).toThrow(/left recursion/);
    expect(() => checkGbnf(translate({ type: "string", maxLength: 1e9 }))).toThrow(/2000 repetitions/);
  });
});
