// For tests: one answer read to its end.
import type { CompletePart, DeltaPart, Engine, EnginePart, EngineRequest } from "./engine.ts";

export interface Answer {
  parts: EnginePart[];
  deltas: DeltaPart[];
  text: string;
  complete: CompletePart;
}

const never = new AbortController().signal;

/** Reads one answer to its end. */
export async function answerOf(engine: Engine, request: EngineRequest, signal: AbortSignal = never): Promise<Answer> {
  const parts: EnginePart[] = [];
  for await (const part of engine.generate(request, signal)) parts.push(part);
  const deltas = parts.filter((part) => part.kind === "delta");
  const complete = parts.at(-1);
  if (complete?.kind !== "complete") throw new Error("the stream ended without its last part");
  return { parts, deltas, text: deltas.map((delta) => delta.text).join(""), complete };
}
