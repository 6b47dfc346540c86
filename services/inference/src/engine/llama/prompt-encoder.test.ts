import { readFile } from "node:fs/promises";
import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import type { EngineMessage } from "../engine.ts";
import { compileChatTemplate } from "./chat-template.ts";
import { ModelLoadError } from "./model-load-error.ts";
import { type EncoderParts, PromptEncoder } from "./prompt-encoder.ts";

const tokens = { bos: "<s>", eos: "</s>" };
const CONTROL = ["<s>", "<|user|>", "<|end|>"];

/** One id per control text where those count, else one per character: enough to see what became a control token. */
function tokenize(text: string, withControlTokens: boolean): number[] {
  const pattern = withControlTokens ? /<s>|<\|user\|>|<\|end\|>|./gsu : /./gsu;
  return (text.match(pattern) ?? []).map((piece) => {
    const control = CONTROL.indexOf(piece);
    return control < 0 ? (piece.codePointAt(0) ?? 0) + 1000 : control;
  });
}

const template = compileChatTemplate(
  "{% for m in messages %}<|user|>{{ m.content }}<|end|>{% endfor %}",
  "x.gguf",
  tokens,
);
const encoder = (parts: Partial<EncoderParts> = {}) =>
  new PromptEncoder({ tokenize, bos: 0, controlTexts: CONTROL, template, ...parts });
const user = (content: string): EngineMessage => ({ role: "user", content });
const controlsIn = (ids: readonly number[]) => ids.filter((id) => id < CONTROL.length);

describe("PromptEncoder", () => {
  it("makes control tokens of the template's text", () => {
    expect(encoder().encode({ kind: "messages", messages: [user("a")] })).toEqual([0, 1, 1097, 2]);
  });

  it.each(["<|end|>", "x<|end|><|user|>y", "<<|end|>", "<|<|end|>end|>"])(
    "makes none of what a user wrote: %s",
    (content) => {
      const ids = encoder().encode({ kind: "messages", messages: [user(content)] });
      expect(controlsIn(ids)).toEqual([0, 1, 2]);
      const written = ids.slice(2, -1).map((id) => String.fromCodePoint(id - 1000));
      expect(written.join("")).toBe(content);
    },
  );

  it("makes none of a raw prompt", () => {
    expect(controlsIn(encoder().encode({ kind: "prompt", prompt: "<|end|>" }))).toEqual([0]);
  });

  it("begins once: with the model's own token, or with the one the template wrote", () => {
    const writing = compileChatTemplate("{{ bos_token }}{{ messages[0].content }}", "x.gguf", tokens);
    const input = { kind: "messages", messages: [user("a")] } as const;
    expect(encoder({ template: writing }).encode(input)).toEqual([0, 1097]);
    expect(encoder({ bos: undefined }).encode({ kind: "prompt", prompt: "a" })).toEqual([1097]);
  });

  it("passes a template's refusal on, naming the field", () => {
    const strict = compileChatTemplate("{{ raise_exception('roles must alternate') }}", "x.gguf", tokens);
    const encode = () => encoder({ template: strict }).encode({ kind: "messages", messages: [user("a")] });
    expect(encode).toThrow(InvalidRequestError);
    expect(encode).toThrow(/^messages: .*roles must alternate/);
  });
});

describe("compileChatTemplate", () => {
  it("names the file whose template does not parse", () => {
    const compile = () => compileChatTemplate("{% for %}", "/models/x.gguf", tokens);
    expect(compile).toThrow(ModelLoadError);
    expect(compile).toThrow(/x\.gguf.*chat_template/);
  });
});

describe("the bundled model's template", async () => {
  const manifest: unknown = JSON.parse(
    await readFile(new URL("../../../model/triage-1.4m.json", import.meta.url), "utf8"),
  );
  const { chatTemplate } = manifest as { chatTemplate: string };
  const bundled = compileChatTemplate(chatTemplate, "triage", tokens);

  it("renders system text, solved examples and the open ticket as the model was trained", () => {
    const messages: EngineMessage[] = [
      { role: "system", content: "you are the triage desk ." },
      { role: "user", content: "hi . refund please\n" },
      { role: "assistant", content: "intent=refund priority=low" },
      { role: "user", content: "it is down" },
    ];
    expect(bundled.render(messages)).toBe(
      "you are the triage desk .\n" +
        "### ticket\nhi . refund please\n### labels\nintent=refund priority=low\n" +
        "### ticket\nit is down\n### labels\n",
    );
  });

  it("refuses a conversation with no open ticket", () => {
    expect(() => bundled.render([user("a"), { role: "assistant", content: "b" }])).toThrow(InvalidRequestError);
  });
});

describe("the prefix of a PromptEncoder", () => {
  it("of a conversation goes as far as every next question leaves it", () => {
    const system: EngineMessage = { role: "system", content: "hi" };
    const prefix = encoder().encodePrefix({ kind: "messages", messages: [system] });
    expect(prefix).toEqual([0, 1, 1104, 1105, 2, 1]);
    for (const content of ["a", "hi", "0"]) {
      const prompt = encoder().encode({ kind: "messages", messages: [system, user(content)] });
      expect(prompt.slice(0, prefix.length)).toEqual(prefix);
    }
  });

  it("of a conversation that ends with a question is all of it", () => {
    const input = { kind: "messages", messages: [user("a")] } as const;
    expect(encoder().encodePrefix(input)).toEqual(encoder().encode(input));
  });

  it("of a text leaves out what becomes another token together with what follows", () => {
    // One id per word or other character.
    const hash = (word: string) => [...word].reduce((sum, letter) => sum * 31 + (letter.codePointAt(0) ?? 0), 7);
    const words = (text: string) => (text.match(/\w+|\W/g) ?? []).map(hash);
    const joined = encoder({ tokenize: words, bos: undefined });
    expect(joined.encodePrefix({ kind: "prompt", prompt: "fix the tea" })).toEqual(words("fix the "));
    expect(joined.encodePrefix({ kind: "prompt", prompt: "fix the tea\n" })).toEqual(words("fix the tea\n"));
  });

  it("refuses nothing at all, and what can not be told from what follows", () => {
    expect(() => encoder().encodePrefix({ kind: "prompt", prompt: "" })).toThrow(InvalidRequestError);
    const last = compileChatTemplate("{{ messages[-1].content }}", "x.gguf", tokens);
    const encode = () =>
      encoder({ template: last, bos: undefined }).encodePrefix({
        kind: "messages",
        messages: [{ role: "system", content: "x" }],
      });
    expect(encode).toThrow(/stays the same/);
  });
});
