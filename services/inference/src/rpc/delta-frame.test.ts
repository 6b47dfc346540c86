import { create, toBinary } from "@bufbuild/protobuf";
import { GenerateResponseSchema } from "@chimera/contracts/common";
import { seededRandom } from "@chimera/kernel";
import { envelope } from "@chimera/rpc";
import { expect, it } from "vitest";
import { deltaFrame } from "./delta-frame.ts";
import type { WireDelta } from "./wire-parts.ts";

const random = seededRandom(3);
const upTo = (bound: number) => Math.floor(random() * bound);
/** Each length of a varint as often as the others, its borders too. */
const number = () => [0, 1, 127, 128, 2 ** 32 - 1][upTo(10)] ?? upTo(2 ** (7 * (1 + upTo(4)) + upTo(5)));
const CHARACTERS = ["a", "\0", "\u007f", "é", "\u07ff", "字", "\ufffd", "😀"];
const text = () => Array.from({ length: upTo(upTo(200)) }, () => CHARACTERS[upTo(CHARACTERS.length)]).join("");

it("writes what the general encoder writes", () => {
  for (let round = 0; round < 5000; round++) {
    const tokenIds = Array.from({ length: upTo(upTo(70)) }, number);
    const value: WireDelta = { seq: number(), text: text(), tokenCount: number(), tokenIds };
    const message = create(GenerateResponseSchema, { part: { case: "delta", value: { ...value, tokenIds } } });
    const expected = envelope(toBinary(GenerateResponseSchema, message));
    if (!expected.equals(deltaFrame(value)))
      expect({ value, frame: deltaFrame(value) }).toEqual({ value, frame: expected });
  }
});
