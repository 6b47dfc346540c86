// What tests share. Nothing but tests imports it.
export { type Answer, type AskOptions, ask, cacheStatus, openAnswer, readAnswer } from "./answer.ts";
export { startTestMesh, type TestMesh, type TestMeshOptions } from "./mesh.ts";
export { OtlpReceiver, type ReceivedSeries, type ReceivedSpan } from "./otlp-receiver.ts";
export { longStory, ticket } from "./requests.ts";
export { until } from "./until.ts";
