// How a command ended, for scripts. `chimera --help` lists them.

export const EXIT_CODES = {
  ok: 0,
  failure: 1,
  usage: 2,
  notRunning: 3,
  /** Ended by Ctrl-C before it was done, as shells count it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

export const EXIT_CODES_HELP = `Exit codes:
  0    done
  1    it failed; the message says why and what helps
  2    the command line is wrong
  3    no mesh is running
  130  ended by Ctrl-C before it was done`;

/** A failure with a known remedy: printed as it is, without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = EXIT_CODES.failure, options: { cause?: unknown } = {}) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
