// What the handlers may use.
import type { Answers } from "./answers.ts";
import type { ByteStore } from "./store/store.ts";

export interface Context {
  answers: Answers;
  storeKind: ByteStore["kind"];
}
