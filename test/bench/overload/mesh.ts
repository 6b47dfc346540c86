// A mesh whose engines are simulated: slow enough that one machine can offer five times what they carry, at little CPU.
import type { MeshOptions } from "@chimera/supervisor";

/** First token within this of the request's due time. */
export const SLO_MS = 500;
/** Of unlike lengths, as answers are: of one length they would all end together, step by step, and a slot be free only then. */
export const ANSWER_TOKENS = { min: 4, max: 28 };
const MEAN_TOKENS = (ANSWER_TOKENS.min + ANSWER_TOKENS.max) / 2;
export const REPLICAS = 2;
const SLOTS = 8;
const STEP_MS = 25;
/** Longest wait in the router that leaves time for a prompt and a step within the SLO. */
const MAX_WAIT_MS = 350;

/** Answers per second of all slots, were each step to begin at once. */
export const NOMINAL_PER_SECOND = (REPLICAS * SLOTS * 1000) / (MEAN_TOKENS * STEP_MS);

export const OVERLOAD_MESH: Pick<MeshOptions, "services" | "serviceEnv" | "replicas"> = {
  services: ["router", "inference"],
  replicas: { inference: REPLICAS },
  serviceEnv: {
    router: { ROUTER_MAX_WAIT_MS: String(MAX_WAIT_MS) },
    inference: {
      INFERENCE_ENGINE: "simulated",
      INFERENCE_SLOTS: String(SLOTS),
      CHIMERA_SIMULATED_STEP_MS: String(STEP_MS),
      CHIMERA_SIMULATED_SEQUENCE_MS: "0",
      CHIMERA_SIMULATED_PREFILL_TOKEN_MS: "0.02",
      CHIMERA_SIMULATED_CONTEXT_100K_MS: "0",
      // Longer than any answer here may be, so that each is as long as it may be.
      CHIMERA_SIMULATED_ANSWER_TOKENS: "1048576",
    },
  },
};

export const MESH_TEXT = `${REPLICAS} simulated replicas of ${SLOTS} slots, ${STEP_MS} ms a step, answers of ${ANSWER_TOKENS.min} to ${ANSWER_TOKENS.max} tokens; ROUTER_MAX_WAIT_MS ${MAX_WAIT_MS}, all else default.`;
