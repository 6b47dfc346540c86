import { create } from "@bufbuild/protobuf";
import { SettingsSchema } from "@chimera/contracts/settings";
import { expect, it } from "vitest";
import type { AdmissionLimits } from "../admission/admission.ts";
import { UNLIMITED } from "../admission/tenant-limits.ts";
import { applySettings } from "./apply.ts";
import { LiveSettings } from "./live-settings.ts";

const limits: AdmissionLimits = {
  ...{ maxInFlight: 10, maxQueued: 20, maxWaitMs: 30, batchWeight: 0.5 },
  tenants: { byDefault: UNLIMITED, overrides: new Map() },
};

it("changes what a version sets, and goes back to the environment where it sets nothing", () => {
  const seen: { limits?: AdmissionLimits; policy?: string } = {};
  const settings = new LiveSettings();
  const apply = applySettings({
    own: { policy: "round-robin", limits },
    admission: { setLimits: (next) => void Object.assign(seen, { limits: next }) },
    replicas: { setPolicy: (policy) => void Object.assign(seen, { policy }) },
    settings,
  });
  apply(create(SettingsSchema, { version: 1, router: { policy: "two-choices", maxQueued: 0, batchWeight: 1 } }));
  expect(seen).toEqual({ policy: "two-choices", limits: { ...limits, maxQueued: 0, batchWeight: 1 } });
  expect(settings.version).toBe(1);
  apply(create(SettingsSchema, { version: 2, router: { maxWaitMs: 99 } }));
  expect(seen).toEqual({ policy: "round-robin", limits: { ...limits, maxWaitMs: 99 } });
  apply(create(SettingsSchema, { version: 3, cache: { ttlS: 1 } }));
  expect([seen, settings.version]).toEqual([{ policy: "round-robin", limits }, 3]);
});
