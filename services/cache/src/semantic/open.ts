// Similar questions from settings: nothing at all where no tenant turned them on.
import type { Random } from "@chimera/kernel";
import { ConfigError } from "@chimera/lifecycle";
import { openEmbedder } from "./embedder.ts";
import { SemanticMatch } from "./semantic-match.ts";
import type { SemanticSettings } from "./settings.ts";

/** Throws a ConfigError where nobody is named who makes embeddings. */
export function openSemantic(
  settings: SemanticSettings,
  random: Random,
  onError: (error: unknown) => void,
): SemanticMatch | undefined {
  const { semantic: tenants, embeddingsUrl: url, embeddingsModel: model, embeddingsKey: apiKey } = settings;
  if (tenants.size === 0) return undefined;
  if (url === undefined) {
    throw new ConfigError(
      "CACHE_SEMANTIC is set, and CACHE_EMBEDDINGS_URL is not: name a server with /embeddings, for example http://127.0.0.1:8080/v1",
    );
  }
  const embedder = openEmbedder({ url, model, apiKey, budgetMs: settings.embeddingsBudgetMs, onError });
  return new SemanticMatch({ tenants, embedder, random });
}
