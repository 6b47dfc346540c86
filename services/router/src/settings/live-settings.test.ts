import { create } from "@bufbuild/protobuf";
import { Role } from "@chimera/contracts/common";
import { GenerateRequestSchema } from "@chimera/contracts/router";
import { SettingsSchema } from "@chimera/contracts/settings";
import { describe, expect, it } from "vitest";
import { LiveSettings } from "./live-settings.ts";

const acme = { tenant: "acme", workload: "" };
const served = () => true;
type RouterInit = NonNullable<Parameters<typeof create<typeof SettingsSchema>>[1]>["router"];

function under(router?: RouterInit, version = 4): LiveSettings {
  const settings = new LiveSettings();
  settings.use(create(SettingsSchema, { version, ...(router && { router }) }));
  return settings;
}

function asked(fields: Parameters<typeof create<typeof GenerateRequestSchema>>[1] = {}) {
  return create(GenerateRequestSchema, { prompt: "hi", ...fields });
}

describe("default sampling", () => {
  it("fills what a request leaves unset and nothing else", () => {
    const settings = under({ defaultSampling: { temperature: 0.4, topK: 3, stop: ["END"] } });
    const plain = settings.fill(acme, asked(), served);
    expect(plain.request.sampling).toMatchObject({ temperature: 0.4, topK: 3, stop: ["END"] });
    expect([plain.request.prompt, plain.version, plain.arm]).toEqual(["hi", 4, ""]);
    const own = asked({ sampling: { temperature: 0, stop: ["."], seed: 7 } });
    expect(settings.fill(acme, own, served).request.sampling).toMatchObject({
      ...{ temperature: 0, topK: 3, stop: ["."], seed: 7 },
    });
    expect(own.sampling?.topK).toBeUndefined();
  });

  it("leaves alone where an answer with a form of its own ends", () => {
    const settings = under({ defaultSampling: { stop: ["END"], grammar: 'root ::= "a"', temperature: 0 } });
    const { request } = settings.fill(acme, asked({ sampling: { jsonSchema: "{}" } }), served);
    expect([request.sampling?.stop, request.sampling?.grammar]).toEqual([[], undefined]);
    expect(request.sampling?.temperature).toBe(0);
  });

  it("does not touch what the mesh makes anew of a request that was filled before", () => {
    const settings = under({ defaultSampling: { temperature: 0.4 }, arms: [{ name: "a", share: 1 }] });
    for (const made of [
      { ...acme, isRefresh: true, workload: "refresh" },
      { ...acme, workload: "warm-up" },
    ]) {
      const { request, arm, version } = settings.fill(made, asked(), served);
      expect([request.sampling, arm, version]).toEqual([undefined, "", 4]);
    }
  });

  it("is none without a version", () => {
    const request = asked();
    expect(new LiveSettings().fill(acme, request, served)).toEqual({ request, version: 0, arm: "" });
    expect(under().fill(acme, request, served).request).toBe(request);
  });
});

describe("arms", () => {
  const arms = [
    { name: "warm", share: 0.3, defaultSampling: { temperature: 0.9 }, model: "large" },
    { name: "cold", share: 0.5, defaultSampling: { temperature: 0.1 } },
  ];
  const settings = under({ arms, defaultSampling: { temperature: 0.5, topP: 0.7 } });
  const armOf = (session: string, tenant = "acme") => settings.fill({ ...acme, tenant, session }, asked(), served).arm;

  it("split sessions about as asked, the rest in none", () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 10_000; i++) counts.set(armOf(`s-${i}`), (counts.get(armOf(`s-${i}`)) ?? 0) + 1);
    // Five standard errors.
    for (const [arm, share] of [
      ["warm", 0.3],
      ["cold", 0.5],
      ["", 0.2],
    ] as const) {
      expect(Math.abs((counts.get(arm) ?? 0) / 10_000 - share)).toBeLessThan(0.025);
    }
  });

  it("keep a session where it is, whatever it asks and however large the arms get beside it", () => {
    const inWarm = Array.from({ length: 100 }, (_, i) => `s-${i}`).filter((session) => armOf(session) === "warm");
    const larger = under({ arms: [{ name: "warm", share: 0.6 }] }, 5);
    for (const session of inWarm) {
      const again = settings.fill({ ...acme, session }, asked({ prompt: "else" }), served);
      expect([again.arm, larger.fill({ ...acme, session }, asked(), served).arm]).toEqual(["warm", "warm"]);
    }
    const tenants = Array.from({ length: 50 }, (_, i) => armOf("one", `t-${i}`));
    expect(new Set(tenants).size).toBe(3);
  });

  it("take the first words of a conversation for its session where it has no name", () => {
    const user = (content: string) => ({ role: Role.USER, content });
    for (let i = 0; i < 50; i++) {
      const first = asked({ prompt: "", messages: [{ role: Role.SYSTEM, content: "s" }, user(`hello ${i}`)] });
      const answer = { role: Role.ASSISTANT, content: "yes" };
      const later = asked({ prompt: "", messages: [...first.messages, answer, user("and?")] });
      expect(settings.fill(acme, later, served).arm).toBe(settings.fill(acme, first, served).arm);
    }
  });

  it("fill ahead of the mesh's own default, and name a model only where it is served and none was asked for", () => {
    const session = Array.from({ length: 100 }, (_, i) => `s-${i}`).find((each) => armOf(each) === "warm");
    const inWarm = { ...acme, session };
    const { request } = settings.fill(inWarm, asked(), served);
    expect([request.model, request.sampling?.temperature, request.sampling?.topP]).toEqual(["large", 0.9, 0.7]);
    expect(settings.fill(inWarm, asked({ model: "small" }), served).request.model).toBe("small");
    expect(settings.fill(inWarm, asked(), () => false).request.model).toBe("");
  });

  it("hold callers only: what the mesh asks to measure itself is in none", () => {
    const evaluation = { ...acme, workload: "evaluation", session: "s-1" };
    const all = under({
      arms: [{ name: "all", share: 1, defaultSampling: { topK: 1 } }],
      defaultSampling: { topK: 9 },
    });
    const { request, arm } = all.fill(evaluation, asked(), served);
    expect([arm, request.sampling?.topK]).toEqual(["", 9]);
  });
});
