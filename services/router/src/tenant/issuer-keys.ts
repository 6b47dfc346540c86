// The public keys of an issuer of tokens, fetched where it publishes them. An issuer that is away leaves the keys it had; a key
// nobody knows asks for them anew, but not more often than the cooldown lets it.
import { type Clock, UnavailableError } from "@chimera/kernel";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Between two fetches: what a stream of tokens with made-up keys can cause, and how late a new key may be seen. */
const COOLDOWN_MS = 10_000;
/** How long a key that the issuer has withdrawn is still taken. */
const REFRESH_MS = 5 * 60_000;
const FETCH_TIMEOUT_MS = 5000;
const MAX_BYTES = 1024 * 1024;

export interface IssuerKeys {
  readonly get: JWTVerifyGetKey;
  close(): void;
}

export interface IssuerKeysOptions {
  url: string;
  clock: Clock;
  logger: { warn(details: object, message: string): void };
  /** Known keys may have been withdrawn. */
  onChange(): void;
}

export function fetchedKeys({ url, clock, logger, onChange }: IssuerKeysOptions): IssuerKeys {
  let keys: ReturnType<typeof createLocalJWKSet> | undefined;
  let text = "";
  let failed = false;
  let loading: Promise<void> | undefined;
  let nextMs = Number.NEGATIVE_INFINITY;

  const fetchKeys = async () => {
    try {
      const loaded = await download(url);
      if (loaded === text) return;
      const isFirst = keys === undefined;
      keys = createLocalJWKSet(JSON.parse(loaded) as JSONWebKeySet);
      text = loaded;
      if (!isFirst) onChange();
    } finally {
      // After the answer, so that a slow issuer is not asked without a pause.
      nextMs = clock.monotonicMs() + COOLDOWN_MS;
    }
  };
  /** Never rejects: whoever needs a key sees that it is missing. */
  const load = (): Promise<void> => {
    if (loading) return loading;
    if (clock.monotonicMs() < nextMs) return Promise.resolve();
    loading = fetchKeys().then(
      () => {
        failed = false;
      },
      (error: unknown) => {
        failed = true;
        logger.warn(
          { url, reason: reasonOf(error) },
          "the issuer's keys can not be fetched; the ones known stay in use",
        );
      },
    );
    return loading.finally(() => {
      loading = undefined;
    });
  };
  const refresh = setInterval(() => void load(), REFRESH_MS);
  refresh.unref();
  void load();

  return {
    async get(header, token) {
      try {
        if (keys) return await keys(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      }
      await load();
      if (keys && !failed) return keys(header, token);
      throw new UnavailableError("the keys of the token's issuer can not be fetched at the moment, try again");
    },
    close: () => clearInterval(refresh),
  };
}

async function download(url: string): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/json" },
    redirect: "error",
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  let text = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.length > MAX_BYTES) throw new Error(`more than ${MAX_BYTES} bytes`);
  }
  return text;
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
