// Bounds of every connection, in one place. A limit that is not written here does not exist.

export const limits = {
  /** One request message. */
  requestBytes: 1024 * 1024,
  /** One response message; a stored answer travels as one. */
  responseBytes: 4 * 1024 * 1024,
  /** Open streams of one HTTP/2 connection. */
  streamsPerConnection: 1024,
  /** Unread bytes of one stream before its sender stops: the memory a stalled reader costs. */
  streamWindowBytes: 64 * 1024,
  /** Unread bytes of all streams of one connection. */
  connectionWindowBytes: 16 * 1024 * 1024,
  /** Header block of one request. */
  headerBytes: 16 * 1024,
  /** Memory node:http2 may hold for one connection, MB. */
  sessionMemoryMb: 64,
  /** From accepting a connection to its first bytes. */
  firstByteMs: 10_000,
  /** From the first byte of an HTTP/1.1 request to its last. */
  requestReadMs: 30_000,
  /** Longest deadline a caller may ask for. */
  deadlineMs: 30 * 60_000,
  /** Between two liveness pings on a connection to another service. */
  pingIntervalMs: 10_000,
  pingTimeoutMs: 5_000,
  /**
   * Streams a trusted peer may reset in a burst and then per second. node's own limits (1000, 33/s) would end a router's
   * connection, with all its streams, once a thousand clients have left.
   */
  trustedResetBurst: 100_000,
  trustedResetPerSecond: 10_000,
} as const;
