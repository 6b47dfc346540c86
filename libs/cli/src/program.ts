// The command line as a whole: every command, its help, and how an error becomes a message and an exit code.
import { ChimeraError } from "@chimera/kernel";
import { Command, CommanderError } from "commander";
import { applyCommand } from "./commands/apply.ts";
import { askCommand } from "./commands/ask.ts";
import { cacheCommand } from "./commands/cache.ts";
import { compareCommand } from "./commands/compare.ts";
import { downCommand } from "./commands/down.ts";
import { evalCommand } from "./commands/eval.ts";
import { feedbackCommand } from "./commands/feedback.ts";
import { guardCommand } from "./commands/guard.ts";
import { ledgerCommand } from "./commands/ledger.ts";
import { recommendCommand } from "./commands/recommend.ts";
import { reportCommand } from "./commands/report.ts";
import { rollbackCommand } from "./commands/rollback.ts";
import { startCommand } from "./commands/start.ts";
import { statusCommand } from "./commands/status.ts";
import { superviseCommand } from "./commands/supervise.ts";
import { tuneCommand } from "./commands/tune.ts";
import { upCommand } from "./commands/up.ts";
import type { Surroundings } from "./config.ts";
import { CommandError, EXIT_CODES, EXIT_CODES_HELP, type ExitCode } from "./exit-code.ts";

const EXAMPLES = `
Examples:
  chimera start --once          everything once: mesh, traffic, report
  chimera up                    mesh in the background
  chimera ask "i want a refund" one question, answered token by token
  chimera report --from 15m     what happened in the last 15 minutes
  chimera down

${EXIT_CODES_HELP}`;

export function buildProgram(surroundings: Surroundings, mainFile: string): Command {
  const { terminal } = surroundings;
  const program = new Command("chimera")
    .description("Runs a mesh that serves LLM tokens, talks to it and reports on it.")
    .addHelpText("after", EXAMPLES)
    .helpCommand(false);
  program.addCommand(startCommand(surroundings));
  program.addCommand(upCommand(surroundings, mainFile));
  program.addCommand(downCommand(surroundings));
  program.addCommand(statusCommand(surroundings));
  program.addCommand(askCommand(surroundings));
  program.addCommand(reportCommand(surroundings));
  program.addCommand(cacheCommand(surroundings));
  program.addCommand(evalCommand(surroundings));
  program.addCommand(compareCommand(surroundings));
  program.addCommand(tuneCommand(surroundings));
  program.addCommand(guardCommand(surroundings));
  program.addCommand(feedbackCommand(surroundings));
  program.addCommand(recommendCommand(surroundings));
  program.addCommand(applyCommand(surroundings));
  program.addCommand(rollbackCommand(surroundings));
  program.addCommand(ledgerCommand(surroundings));
  program.addCommand(superviseCommand(surroundings), { hidden: true });
  for (const command of allCommands(program)) {
    command.exitOverride().showHelpAfterError("(--help shows what is possible)");
    command.configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => 110,
      getErrHelpWidth: () => 110,
    });
  }
  return program;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** Runs one command line (without node and script) and returns the exit code. */
export async function runCommandLine(
  args: readonly string[],
  surroundings: Surroundings,
  mainFile: string,
): Promise<ExitCode> {
  try {
    await buildProgram(surroundings, mainFile).parseAsync(args, { from: "user" });
    return EXIT_CODES.ok;
  } catch (error) {
    return tellError(error, surroundings);
  }
}

function tellError(error: unknown, { terminal, stopped }: Surroundings): ExitCode {
  // commander has printed its message already; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_CODES.ok : EXIT_CODES.usage;
  if (stopped.aborted && !(error instanceof CommandError)) {
    terminal.err(`${terminal.paintErr("dim", "Stopped.")}\n`);
    return EXIT_CODES.interrupted;
  }
  const message = error instanceof Error ? error.message : String(error);
  terminal.err(`${terminal.paintErr("red", "error")} ${message}${remedyOf(error)}\n`);
  return error instanceof CommandError ? error.exitCode : EXIT_CODES.failure;
}

function remedyOf(error: unknown): string {
  if (!(error instanceof ChimeraError)) return "";
  if (error.kind === "unavailable" || error.kind === "internal")
    return "\nSee which service is ill with `chimera status`; its log is named there.";
  if (error.kind === "deadline-exceeded")
    return "\nIt took too long. Give it more time with --timeout, or look at `chimera status`.";
  if (error.kind === "overloaded") {
    return `\nThe mesh is full. Try again${error.retryAfterMs === undefined ? " later" : ` in ${error.retryAfterMs} ms`}.`;
  }
  return "";
}
