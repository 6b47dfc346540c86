// Where figures come from, worded so that a reader with the event stream can compute them again.

export const requestSource = "events.v1.RequestFinished with arrived_at in the window";
export const answerSource = "events.v1.RequestFinished with status OK and arrived_at + turn_ms in the window";
export const cacheSource = "events.v1.CacheChanged with at in the window, and the last one before it";
export const liveScoreSource = 'events.v1.ScoreRecorded with source "live" and at in the window';
export const ledgerSource = "the stream CHIMERA_LEDGER";
export const streamSource = "sequence numbers and fields of all events followed";
