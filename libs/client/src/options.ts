// How a client is set up, checked once, and the headers that come of it.
import { ChimeraClientError, misuse } from "./error.ts";
import type { RetryOptions } from "./retry.ts";

type HeaderValues = Record<string, string>;

export interface CommonOptions {
  /** Where the router is: http://host:port or https://host:port. */
  baseUrl: string;
  /** Sent as `authorization: Bearer …`. Either this or token. */
  apiKey?: string;
  /** A JWT, or a function that gives one; it is asked before every attempt. */
  token?: string | (() => string | Promise<string>);
  /** Names the tenant where the router takes its callers' word for it. With credentials the router knows it from them. */
  tenant?: string;
  /** For the whole of an answer, with all attempts, where the call says nothing else. */
  deadlineMs?: number;
  /** false: every call is tried once. */
  retry?: RetryOptions | false;
  /** Sent with every call; a function is asked before every attempt. The place to carry a trace on (`traceparent`). */
  headers?: HeaderValues | (() => HeaderValues | Promise<HeaderValues>);
}

export interface CallOptions {
  signal?: AbortSignal;
  /** From now to the end of the call, with all attempts. */
  deadlineMs?: number;
}

/** setTimeout takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

export function checkOptions({ baseUrl, apiKey, token, deadlineMs }: CommonOptions): void {
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    throw misuse("baseUrl", `expected an address like http://127.0.0.1:7100, got ${JSON.stringify(baseUrl)}`);
  }
  if (apiKey !== undefined && token !== undefined) throw misuse("token", "set either apiKey or token, not both");
  checkDeadline(deadlineMs);
}

export function checkDeadline(deadlineMs: number | undefined): void {
  if (deadlineMs === undefined || (deadlineMs > 0 && deadlineMs <= LONGEST_MS)) return;
  throw misuse("deadlineMs", `${deadlineMs} is no number of milliseconds above 0 and up to ${LONGEST_MS}`);
}

/** Names of headers that carry what the options say. */
const AUTHORIZATION = "authorization";
const TENANT = "x-chimera-tenant";

/** Throws UNAUTHENTICATED where the token function fails, INVALID_ARGUMENT where a value can not be a header. */
export async function callHeaders(options: CommonOptions): Promise<Headers> {
  const { tenant, headers } = options;
  const given = typeof headers === "function" ? await headers() : headers;
  const credential = await credentialOf(options);
  try {
    const result = new Headers(given);
    if (tenant !== undefined) result.set(TENANT, tenant);
    if (credential !== undefined) result.set(AUTHORIZATION, `Bearer ${credential}`);
    return result;
  } catch {
    // What the platform says here quotes the value, and the value may be a secret.
    throw misuse("headers", "a header, the tenant or the credential has characters that no header may have");
  }
}

async function credentialOf({ apiKey, token }: CommonOptions): Promise<string | undefined> {
  if (typeof token !== "function") return apiKey ?? token;
  try {
    return await token();
  } catch (cause) {
    throw new ChimeraClientError("UNAUTHENTICATED", "the token function failed", { cause });
  }
}
