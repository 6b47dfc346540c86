import { create } from "@bufbuild/protobuf";
import { SamplingParamsSchema } from "@chimera/contracts/common";
import { InvalidRequestError } from "@chimera/kernel";
import { describe, expect, it } from "vitest";
import { PLAIN } from "../prompt/prompt.ts";
import { TuningSpace } from "./tuning-space.ts";

const plain = { name: "baseline", model: "", sampling: undefined, prompt: PLAIN };
const spaceOf = (parameters: string[], over: Partial<ConstructorParameters<typeof TuningSpace>[0]> = {}) =>
  new TuningSpace({ baseline: plain, parameters, models: [], ...over });
const axes = ({ space }: TuningSpace) => space.axes.map(({ name }) => name);

describe("TuningSpace", () => {
  it("moves what is asked for, with what it depends on", () => {
    expect(axes(spaceOf(["shots"]))).toEqual(["shot_selection", "shots"]);
    expect(axes(spaceOf(["top_p"]))).toEqual(["temperature", "top_p"]);
    expect(axes(spaceOf([]))).not.toContain("model_variant");
    expect(axes(spaceOf([], { models: ["a", "b"] }))).toContain("model_variant");
    expect(() => spaceOf(["shots", "magic"])).toThrow(InvalidRequestError);
    expect(() => spaceOf(["model_variant"])).toThrow(/where the mesh serves several models/);
  });

  it("asks with the baseline itself at the baseline's point", () => {
    const sampling = create(SamplingParamsSchema, { temperature: 0.52, topK: 0, seed: 7 });
    const baseline = { ...plain, sampling, prompt: { ...PLAIN, shots: 3 } };
    const space = spaceOf([], { baseline });
    expect(space.isBaseline(space.baseline)).toBe(true);
    expect(space.armOf(space.baseline)).toBe(baseline);
    expect(space.baseline).toMatchObject({ temperature: 0.5, shots: 3, shot_selection: "similar", top_k: 200 });
  });

  it("changes only what moves, and leaves out what has no effect", () => {
    const sampling = create(SamplingParamsSchema, { temperature: 0.5, topP: 0.9, stop: ["\n"] });
    const space = spaceOf(["top_p", "shots"], { baseline: { ...plain, model: "tiny", sampling } });
    const greedy = space.armOf({ temperature: 0, shot_selection: "diverse", shots: 4 });
    expect(greedy).toMatchObject({ model: "tiny", prompt: { shots: 4, selection: "diverse", votes: 1 } });
    expect(greedy.sampling).toMatchObject({ temperature: 0, stop: ["\n"] });
    expect(greedy.sampling?.topP).toBeUndefined();
    expect(sampling.topP).toBe(0.9);
    const message = space.messageOf({ temperature: 0.3, top_p: 0.4, shot_selection: "none" }, "proposal");
    expect(message).toMatchObject({
      name: "proposal",
      sampling: { topP: 0.4 },
      prompt: { shots: 0, shotSelection: "" },
    });
  });

  it("has neighbours a small step away, never across a switch", () => {
    const space = spaceOf(["shots", "temperature"]);
    const of = (configuration: Parameters<TuningSpace["neighbours"]>[0]) =>
      space.neighbours(configuration, () => false).map(({ configuration: moved }) => moved);
    expect(of({ shot_selection: "similar", shots: 4, temperature: 0.5 })).toEqual([
      { shot_selection: "similar", shots: 4, temperature: 0.4 },
      { shot_selection: "similar", shots: 3, temperature: 0.5 },
    ]);
    expect(of({ shot_selection: "similar", shots: 1, temperature: 0 })).toContainEqual({
      ...{ shot_selection: "similar", shots: 2, temperature: 0 },
    });
  });
});
