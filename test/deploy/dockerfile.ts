// Reads a Dockerfile as far as its checks need it: stages, and instructions with their flags.
import { readFileSync } from "node:fs";

export interface Instruction {
  name: string;
  /** Without the name; continued lines are joined by one space. */
  text: string;
  /** `--from=build` is from: "build". */
  flags: Readonly<Record<string, string>>;
  /** `text` without the flags, split at spaces. */
  words: readonly string[];
}

export interface Stage {
  image: string;
  name: string | undefined;
  instructions: readonly Instruction[];
}

export function readDockerfile(path: string): Stage[] {
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  const text = readFileSync(path, "utf8").replace(/^#.*\n/gm, "");
  for (const line of text
    .replace(/\\\n\s*/g, " ")
    .split("\n")
    .filter(Boolean)) {
    const instruction = parseInstruction(line);
    if (instruction.name === "FROM") {
      const [image = "", , name] = instruction.words;
      stages.push({ image, name, instructions: [] });
    } else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

function parseInstruction(line: string): Instruction {
  const [name = "", ...rest] = line.trim().split(/\s+/);
  // Flags of the instruction come first; what a RUN gives to its command is no flag of RUN.
  const end = rest.findIndex((word) => !/^--[a-z-]+=/.test(word));
  const flags = rest.slice(0, end);
  return {
    name,
    text: line.slice(name.length).trim(),
    flags: Object.fromEntries(flags.map((flag) => flag.slice(2).split(/=(.*)/s).slice(0, 2))),
    words: rest.slice(end),
  };
}

/** The variables an ENV instruction sets, quotes removed. */
export function environmentOf(instructions: readonly Instruction[]): Record<string, string> {
  const pairs = instructions
    .filter(({ name }) => name === "ENV")
    .flatMap(({ text }) => [...text.matchAll(/([A-Z_]+)=(?:"([^"]*)"|(\S+))/g)]);
  return Object.fromEntries(pairs.map(([, key, quoted, bare]) => [key, quoted ?? bare ?? ""]));
}
