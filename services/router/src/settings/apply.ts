// Puts a version of the mesh's settings into force at this router.
import type { Settings } from "@chimera/contracts/settings";
import type { Admission, AdmissionLimits } from "../admission/admission.ts";
import { isPolicyName, type PolicyName } from "../balance/policies.ts";
import type { ReplicaPool } from "../replica/replica-pool.ts";
import type { LiveSettings } from "./live-settings.ts";

export interface Applied {
  /** Of the environment: what a version leaves unset. */
  own: { policy: PolicyName; limits: AdmissionLimits };
  replicas: Pick<ReplicaPool, "setPolicy">;
  admission: Pick<Admission, "setLimits">;
  settings: LiveSettings;
}

/** Expects checked settings. */
export function applySettings({ own, replicas, admission, settings }: Applied): (next: Settings) => void {
  return (next) => {
    const { policy = own.policy, maxQueued, batchWeight, maxWaitMs } = next.router ?? {};
    const { limits } = own;
    admission.setLimits({
      ...limits,
      maxQueued: maxQueued ?? limits.maxQueued,
      batchWeight: batchWeight ?? limits.batchWeight,
      maxWaitMs: maxWaitMs ?? limits.maxWaitMs,
    });
    replicas.setPolicy(isPolicyName(policy) ? policy : own.policy);
    settings.use(next);
  };
}
