// Two streams to write to, and whether a person or a program reads them. Colour is for a person only.
import { styleText } from "node:util";

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** Results, for pipes and files. */
  out(text: string): void;
  /** Progress, notes and errors. */
  err(text: string): void;
  readonly outIsTty: boolean;
  readonly errIsTty: boolean;
  /** Width of standard error, 80 where it is unknown. */
  readonly columns: number;
  /** Colours text for standard output, or leaves it as it is. */
  paintOut(style: Style, text: string): string;
  paintErr(style: Style, text: string): string;
}

type OutputStream = NodeJS.WriteStream & { isTTY?: boolean };

export function terminalOf(stdout: OutputStream, stderr: OutputStream): Terminal {
  // styleText itself honours NO_COLOR, FORCE_COLOR and what the stream can show.
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    outIsTty: stdout.isTTY === true,
    errIsTty: stderr.isTTY === true,
    get columns() {
      return stderr.columns ?? 80;
    },
    paintOut: (style, text) => styleText(style, text, { stream: stdout }),
    paintErr: (style, text) => styleText(style, text, { stream: stderr }),
  };
}
