// Settings of a service: read from the environment once, validated, frozen, and described for people.
import { z } from "zod";

export interface Setting<S extends z.ZodType = z.ZodType> {
  env: string;
  help: string;
  schema: S;
  secret: boolean;
}

export type SettingFields = Record<string, Setting>;
export type SettingValues<F extends SettingFields> = Readonly<{ [K in keyof F]: z.output<F[K]["schema"]> }>;

/** One environment variable. Its default lives in the schema; `secret` keeps its value out of every print. */
export function setting<S extends z.ZodType>(
  env: string,
  help: string,
  schema: S,
  options: { secret?: boolean } = {},
): Setting<S> {
  return { env, help, schema, secret: options.secret ?? false };
}

/** A setting that can not be used. The message names the variable, what is wrong and what would be right. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads and validates every field. Throws one ConfigError that lists all problems. */
export function readSettings<F extends SettingFields>(
  service: string,
  fields: F,
  env: NodeJS.ProcessEnv,
): SettingValues<F> {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [name, field] of Object.entries(fields)) {
    const raw = env[field.env];
    const parsed = field.schema.safeParse(raw === "" ? undefined : raw);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(describeProblem(field, raw, parsed.error));
  }
  if (problems.length > 0) {
    throw new ConfigError(
      `${service} can not start:\n${problems.join("\n")}\nRun it with --help to see every setting and its default.`,
    );
  }
  return Object.freeze(values) as SettingValues<F>;
}

function describeProblem(field: Setting, raw: string | undefined, error: z.ZodError): string {
  const shown = raw === undefined ? "is not set" : field.secret ? "(hidden)" : `= ${JSON.stringify(raw)}`;
  const why = error.issues.map((issue) => issue.message).join("; ");
  return `  ${field.env} ${shown}: ${why}. ${field.help}.`;
}

/** Values as they may be printed: secrets replaced, passwords inside addresses removed. */
export function redacted(fields: SettingFields, values: Record<string, unknown>): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    const value = values[name];
    shown[field.env] = field.secret && !isEmpty(value) ? "[redacted]" : withoutPassword(value);
  }
  return shown;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

function withoutPassword(value: unknown): unknown {
  return typeof value === "string" ? value.replace(/\/\/[^/@\s]+@/g, "//[redacted]@") : value;
}

/** The default as it would be typed, where the schema makes something else of it. */
function typedDefault(schema: z.ZodType): unknown {
  let inner: z.core.$ZodType = schema;
  while (inner instanceof z.core.$ZodPipe) inner = inner._zod.def.in;
  return inner instanceof z.core.$ZodDefault ? inner._zod.def.defaultValue : undefined;
}

/** The `--help` of a service: a line of usage, then every setting with its default. */
export function settingsHelp(service: string, fields: SettingFields): string {
  const rows = Object.values(fields).map((field) => {
    const byDefault = field.schema.safeParse(undefined);
    const value = byDefault.success ? (typedDefault(field.schema) ?? byDefault.data) : undefined;
    const shown = !byDefault.success
      ? "required"
      : value === undefined
        ? "not set"
        : `default ${JSON.stringify(value)}`;
    return `  ${field.env}\n      ${field.help} (${shown})`;
  });
  return [
    `${service}: one service of the Chimera mesh. It is configured by environment variables alone:`,
    "",
    ...rows,
    "",
    "Telemetry follows the OpenTelemetry variables, for example OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317.",
    `Example: ${Object.values(fields)[1]?.env ?? "PORT"}=0 npm start -w services/${service}`,
  ].join("\n");
}
