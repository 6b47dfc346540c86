// Embeddings from any server with the OpenAI form of /v1/embeddings. Late, absent or full is no embedding, never an error of
// a request.
import { z } from "zod";

export interface Embedder {
  /** Undefined where there is none in time. Never rejects. */
  embed(text: string): Promise<readonly number[] | undefined>;
}

export interface EmbeddingServer {
  /** For example http://127.0.0.1:8080/v1 */
  url: string;
  model: string;
  /** Sent as a bearer token; empty sends none. */
  apiKey: string;
  budgetMs: number;
  onError(error: unknown): void;
}

/** Asked at a time; more go without. */
const MAX_CALLS = 64;

const answer = z.object({ data: z.array(z.object({ embedding: z.array(z.number()).min(1).max(16_384) })).length(1) });

export function openEmbedder({ url, model, apiKey, budgetMs, onError }: EmbeddingServer): Embedder {
  const address = `${url.replace(/\/+$/, "")}/embeddings`;
  const headers = { "content-type": "application/json", ...(apiKey && { authorization: `Bearer ${apiKey}` }) };
  let calls = 0;
  return {
    async embed(text) {
      if (calls >= MAX_CALLS) return undefined;
      calls += 1;
      try {
        const body = JSON.stringify({ model, input: text, encoding_format: "float" });
        const signal = AbortSignal.timeout(budgetMs);
        const response = await fetch(address, { method: "POST", headers, body, signal, redirect: "error" });
        if (!response.ok) throw new Error(`the server of embeddings answered with status ${response.status}`);
        return answer.parse(await response.json()).data[0]?.embedding;
      } catch (error) {
        onError(error);
        return undefined;
      } finally {
        calls -= 1;
      }
    },
  };
}
