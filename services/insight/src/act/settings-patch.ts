// A change of settings as single values, so that it can be put on and taken off without touching what somebody else set meanwhile.
import { isDeepStrictEqual } from "node:util";
import {
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import {
  CacheSettingsSchema,
  InferenceSettingsSchema,
  RouterSettingsSchema,
  type Settings,
} from "@chimera/contracts/settings";
import type { SettingsChange as Parts } from "@chimera/settings";
import type { SettingsChange } from "../remedy/remedy.ts";

/** By name, in the JSON of the messages; null is unset. */
type Values = Readonly<Record<string, JsonValue>>;

export interface SettingsPatch {
  readonly router?: Values;
  readonly cache?: Values;
  readonly inference?: Values;
}

type Part = keyof SettingsPatch;
const PARTS: readonly Part[] = ["router", "cache", "inference"];

export function patchOf({ cache, inference, sampling }: SettingsChange): SettingsPatch {
  const { policy, capacityBytes, ttlS } = cache ?? {};
  const ofCache = {
    ...(policy !== undefined && { policy }),
    ...(capacityBytes !== undefined && { capacityBytes: String(capacityBytes) }),
    ...(ttlS !== undefined && { ttlS }),
  };
  return {
    ...(sampling && { router: { defaultSampling: { ...sampling } } }),
    ...(cache && { cache: ofCache }),
    ...(inference?.slots !== undefined && { inference: { slots: inference.slots } }),
  };
}

/** What `patch` would replace. */
export function replacedBy(patch: SettingsPatch, settings: Settings): SettingsPatch {
  const now = valuesOf(settings);
  return mapped(patch, (part, name) => now[part][name] ?? null);
}

/** `before`, as far as `patch` is still what is in force: what somebody else set meanwhile stays. */
export function stillOurs(before: SettingsPatch, patch: SettingsPatch, settings: Settings): SettingsPatch {
  const now = valuesOf(settings);
  const isOurs = (part: Part, name: string) => isDeepStrictEqual(now[part][name] ?? null, patch[part]?.[name] ?? null);
  return mapped(before, (part, name, value) => (isOurs(part, name) ? value : (now[part][name] ?? null)));
}

/** The parts to write; undefined where all of it is in force already. */
export function partsWith(patch: SettingsPatch, settings: Settings): Pick<Parts, Part> | undefined {
  const now = valuesOf(settings);
  const next = { ...now };
  for (const part of PARTS) {
    const set = Object.entries({ ...now[part], ...patch[part] }).filter(([, value]) => value !== null);
    next[part] = Object.fromEntries(set);
  }
  if (isDeepStrictEqual(next, now)) return undefined;
  return {
    ...(patch.router && { router: fromJson(RouterSettingsSchema, next.router) }),
    ...(patch.cache && { cache: fromJson(CacheSettingsSchema, next.cache) }),
    ...(patch.inference && { inference: fromJson(InferenceSettingsSchema, next.inference) }),
  };
}

/** The services that act on it. */
export function servicesOf(patch: SettingsPatch): readonly Part[] {
  return PARTS.filter((part) => patch[part] !== undefined);
}

function valuesOf({ router, cache, inference }: Settings): Record<Part, JsonObject> {
  return {
    router: jsonOf(RouterSettingsSchema, router),
    cache: jsonOf(CacheSettingsSchema, cache),
    inference: jsonOf(InferenceSettingsSchema, inference),
  };
}

function jsonOf<S extends DescMessage>(schema: S, message: MessageShape<S> | undefined): JsonObject {
  const json: JsonValue = message === undefined ? {} : toJson(schema, message);
  return isObject(json) ? json : {};
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function mapped(
  patch: SettingsPatch,
  replacement: (part: Part, name: string, value: JsonValue) => JsonValue,
): SettingsPatch {
  const entries = servicesOf(patch).map((part) => {
    const values = Object.entries(patch[part] ?? {}).map(([name, value]) => [name, replacement(part, name, value)]);
    return [part, Object.fromEntries(values)];
  });
  return Object.fromEntries(entries);
}
