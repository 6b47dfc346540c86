// Loaded into every service by --import: where the supervisor is gone without a word (SIGKILL, crash), the service drains
// and ends instead of staying behind. The channel closes by itself when the parent dies.

// A process that a service forks inherits --import too, and its channel is the service's own business.
if (process.channel && process.env.CHIMERA_SUPERVISOR_PID === String(process.ppid)) {
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  // A listener alone would keep a drained service alive until the channel closes.
  process.channel.unref();
}

export {};
