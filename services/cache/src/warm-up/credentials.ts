// With what a warm-up calls the router in a tenant's name, where the router asks for credentials.
import { type Logger, type Reloading, reloading } from "@chimera/lifecycle";
import { z } from "zod";

/** Bearer credentials by tenant. */
export type Credentials = ReadonlyMap<string, string>;

const MAX_CREDENTIALS = 10_000;
const FORM = z.record(z.string().min(1).max(63), z.string().regex(/^\S{1,8192}$/));

/** JSON of tenant to API key or token. Throws without quoting any. */
export function parseCredentials(text: string): Credentials {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('is no JSON; expected {"tenant":"API key or token"}');
  }
  const { success, data } = FORM.safeParse(value);
  if (!success) throw new Error('expected {"tenant":"API key or token"}, neither of them empty or with spaces');
  const credentials = Object.entries(data);
  if (credentials.length > MAX_CREDENTIALS) throw new Error(`has more than ${MAX_CREDENTIALS} tenants`);
  return new Map(credentials);
}

export interface OpenCredentials {
  readonly current: Credentials;
  close(): void;
}

/** Those of the setting, and over them those of the file, which is read again when it changes. */
export function openCredentials(given: Credentials, file: string | undefined, logger: Logger): OpenCredentials {
  if (file === undefined) return { current: given, close: () => undefined };
  const fromFile: Reloading<Credentials> = reloading({
    what: "the file of router credentials",
    files: [file],
    parse: ([contents = Buffer.alloc(0)]) => new Map([...given, ...parseCredentials(contents.toString("utf8"))]),
    logger,
  });
  return {
    get current() {
      return fromFile.current;
    },
    close: () => fromFile.close(),
  };
}
