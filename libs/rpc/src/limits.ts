// Bounds of every connection, in one place. A limit that is not written here does not exist.

export const limits = {
  /** One request message. */
  requestBytes: 1024 * 1024,
  /** One response message; a stored answer travels as one. */
  responseBytes: 4 * 1024 * 1024,
  /** Open streams of one HTTP/2 connection. */
  streamsPerConnection: 1024,
  /** Requests that one HTTP/1.1 connection sends ahead of their answers. */
  pipelinedRequests: 16,
  /** Unread bytes of one stream before its sender stops: the memory a stalled reader costs. */
  streamWindowBytes: 64 * 1024,
  /** What a stream collects in each direction before its source has to wait; node's own 64 KiB would double that memory. */
  streamBufferBytes: 16 * 1024,
  /** Unread bytes of all streams of one connection. */
  connectionWindowBytes: 16 * 1024 * 1024,
  /** Header block of one request, unpacked: what a few packed bytes may grow to. */
  headerBytes: 16 * 1024,
  /** Header lines of one request. */
  headerLines: 128,
  /** Entries of one SETTINGS frame. */
  settingsEntries: 32,
  /** Frames of one connection that make no sense, and streams it opens beyond its bound, before it is closed. */
  invalidFrames: 100,
  refusedStreams: 100,
  /** Memory node:http2 may hold for one connection, MB. */
  sessionMemoryMb: 64,
  /** Longest deadline a caller may ask for. */
  deadlineMs: 30 * 60_000,
  /** Between two liveness pings on a connection to another service. */
  pingIntervalMs: 10_000,
  pingTimeoutMs: 5_000,
} as const;

/** What a server can be told to do otherwise. */
export interface ConnectionLimits {
  /** Open at a time. One more takes the place of one that does nothing; where all are busy it is closed at once. */
  maxConnections: number;
  streamsPerConnection: number;
  /** Open streams of all connections, health checks aside; one more is refused. About 15 KB each. */
  openStreams: number;
  /** From accepting a connection to the end of its TLS handshake, its first bytes, and the first headers or settings. */
  firstByteMs: number;
  /** An HTTP/2 connection without a stream for this long is asked to go. Pings do not count. */
  idleConnectionMs: number;
  /** From the headers of a request to its last byte, where the method takes one message and not a stream of them. */
  requestReadMs: number;
  /** Bytes of requests that are not complete yet, over all connections. Beyond it the largest of them is given up. */
  unfinishedRequestBytes: number;
  /**
   * Streams of one connection that may break off in a burst, and then per second, before the connection is closed. Whoever
   * opens and resets streams makes work for everyone but itself (CVE-2023-44487); callers that leave do the same, more slowly.
   */
  resetBurst: number;
  resetsPerSecond: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  maxConnections: 4096,
  streamsPerConnection: limits.streamsPerConnection,
  openStreams: 16_384,
  firstByteMs: 10_000,
  idleConnectionMs: 5 * 60_000,
  requestReadMs: 30_000,
  unfinishedRequestBytes: 256 * 1024 * 1024,
  resetBurst: 500,
  resetsPerSecond: 100,
};

/** A router cancels for all of its clients over one connection, which must outlive a thousand of them leaving at once. */
export const trustedConnectionLimits: ConnectionLimits = {
  ...defaultConnectionLimits,
  // Longer than its callers keep a connection they do not use: who closes first should be who knows that nothing is coming.
  idleConnectionMs: 20 * 60_000,
  resetBurst: 100_000,
  resetsPerSecond: 10_000,
};
