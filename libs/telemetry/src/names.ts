// Names of spans, attributes and metrics. Constants of our own: the published packages still carry older RPC and GenAI names.

export const names = {
  rpcSystem: "rpc.system.name",
  rpcMethod: "rpc.method",
  rpcStatusCode: "rpc.response.status_code",
  errorType: "error.type",
  messagingSystem: "messaging.system.name",
  messagingDestination: "messaging.destination.name",
  messagingOperation: "messaging.operation.name",
  messagingOperationType: "messaging.operation.type",
  messagingMessageId: "messaging.message.id",
  genAiOperation: "gen_ai.operation.name",
  genAiProvider: "gen_ai.provider.name",
  genAiModel: "gen_ai.request.model",
  genAiMaxTokens: "gen_ai.request.max_tokens",
  genAiTemperature: "gen_ai.request.temperature",
  genAiInputTokens: "gen_ai.usage.input_tokens",
  genAiOutputTokens: "gen_ai.usage.output_tokens",
  genAiCachedTokens: "gen_ai.usage.cache_read.input_tokens",
  genAiFinishReasons: "gen_ai.response.finish_reasons",
  /** Seconds from ingress to the first non-empty delta. */
  genAiTimeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  requestId: "chimera.request.id",
  tenant: "chimera.tenant",
  door: "chimera.router.door",
  servedBy: "chimera.router.served_by",
  cacheStatus: "chimera.cache.status",
  cacheReason: "chimera.cache.reason",
  cacheKeyPrefix: "chimera.cache.key_prefix",
  queueMs: "chimera.inference.queue_ms",
  prefillMs: "chimera.inference.prefill_ms",
  /** "interactive" or "batch". */
  routerClass: "chimera.router.class",
  routerQueueMs: "chimera.router.queue_ms",
  /** Replicas that were asked, hedges and resumptions among them. */
  routerAttempts: "chimera.router.attempts",
  routerResumptions: "chimera.router.resumptions",
  /** Why it was turned away before any work. */
  routerRefusal: "chimera.router.refusal",
  /** The policy that chose the replica. */
  routePolicy: "chimera.route.policy",
  routeCandidates: "chimera.route.candidates",
  routeChosen: "chimera.route.chosen",
  routeWhy: "chimera.route.why",
  /** Of the mesh's settings. */
  settingsVersion: "chimera.settings.version",
  /** The arm of an experiment that a session is in. */
  arm: "chimera.arm",
} as const;

/** Durations in seconds. */
export const metricNames = {
  rpcServerCallDuration: "rpc.server.call.duration",
  clientDuration: "gen_ai.client.inference.duration",
  clientTimeToFirstChunk: "gen_ai.client.inference.time_to_first_chunk",
  clientTimePerOutputChunk: "gen_ai.client.inference.time_per_output_chunk",
  clientInputTokens: "gen_ai.client.inference.usage.input_tokens",
  clientOutputTokens: "gen_ai.client.inference.usage.output_tokens",
  clientCachedTokens: "gen_ai.client.inference.usage.cache_read.input_tokens",
  serverDuration: "gen_ai.server.request.duration",
  serverTimeToFirstToken: "gen_ai.server.time_to_first_token",
  serverTimePerOutputToken: "gen_ai.server.time_per_output_token",
  demand: "chimera.router.demand",
  refused: "chimera.router.refused",
  queued: "chimera.router.queued",
  queueDuration: "chimera.router.queue.duration",
  inFlight: "chimera.router.in_flight",
  retries: "chimera.router.retries",
  hedges: "chimera.router.hedges",
  resumptions: "chimera.router.resumptions",
} as const;
