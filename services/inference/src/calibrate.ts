// Entry point of the calibration of the simulated engine: records a real service, or fits to recordings.
import { readFileSync, writeFileSync } from "node:fs";
import { ChimeraError, systemClock } from "@chimera/kernel";
import { calibrate } from "./engine/simulated/calibration/calibrate.ts";
import {
  type FitCommand,
  HELP,
  parseCommand,
  type RecordCommand,
  UsageError,
} from "./engine/simulated/calibration/command.ts";
import { record } from "./engine/simulated/calibration/record.ts";
import { environmentOf, reportText } from "./engine/simulated/calibration/report.ts";
import { formatRows, parseRows } from "./engine/simulated/calibration/rows.ts";

const EXIT = { failed: 1, usage: 2 } as const;
const print = (text: string) => void process.stdout.write(text);

async function recordTo(command: RecordCommand): Promise<void> {
  const { rows, failed, notSent } = await record({ ...command, clock: systemClock });
  writeFileSync(command.out, formatRows(rows));
  print(`${rows.length} requests in ${command.out}; ${failed} failed, ${notSent} not sent\n`);
}

function fitTo({ spans, against, holdout, stepTokens, json }: FitCommand): void {
  const read = (name: string) => ({ name, rows: parseRows(readFileSync(name, "utf8")) });
  const calibration = calibrate({ spans: spans.map(read), against: against.map(read), holdout, stepTokens });
  const settings = environmentOf(calibration.fitted, stepTokens);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ settings, ...calibration }, undefined, 2)}\n`);
  print(reportText(calibration, stepTokens));
}

try {
  const command = parseCommand(process.argv.slice(2));
  if (command.kind === "help") print(HELP);
  else if (command.kind === "record") await recordTo(command);
  else fitTo(command);
} catch (error) {
  const isOurs = error instanceof ChimeraError || error instanceof UsageError;
  process.stderr.write(`${isOurs || error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write("--help shows what is possible.\n");
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.failed;
}
