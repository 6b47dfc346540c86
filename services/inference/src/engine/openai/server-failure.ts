// The JSON in which servers of this kind describe a failure. There are four shapes in use: OpenAI's, one that has its members
// at the top, FastAPI's list of details, and plain text.
import { z } from "zod";

/** Of what a server wrote, this much reaches a caller. */
const MAX_MESSAGE_CHARACTERS = 500;

export interface ServerFailure {
  message: string;
  type: string;
  code: string;
  param: string;
  /** A status given in the JSON. */
  status: number | undefined;
}

const text = z.union([z.string(), z.number()]).nullish();
const detailSchema = z.object({ msg: z.string(), loc: z.array(z.union([z.string(), z.number()])).default([]) });
const failureSchema = z.object({ message: text, type: text, code: text, param: text });
const bodySchema = z.object({
  ...failureSchema.shape,
  error: z.union([failureSchema, z.string()]).optional(),
  detail: z.union([z.array(detailSchema).min(1), z.string()]).optional(),
});

/** Reads what it can; a text of no known shape says nothing to a caller. */
export function describeFailure(body: string): ServerFailure {
  const parsed = bodySchema.safeParse(parseJson(body));
  if (!parsed.success) return failure({});
  const { error, detail, ...top } = parsed.data;
  if (typeof error === "string") return failure({ message: error });
  if (error !== undefined) return failure(error);
  if (typeof detail === "string") return failure({ message: detail });
  if (detail !== undefined) {
    const [first] = detail;
    const param = first?.loc.filter((step) => step !== "body").at(0);
    return failure({ message: first?.msg, param });
  }
  return failure(top);
}

function failure({ message, type, code, param }: z.output<typeof failureSchema>): ServerFailure {
  const status = Number(code);
  return {
    message: String(message ?? "").slice(0, MAX_MESSAGE_CHARACTERS),
    type: String(type ?? ""),
    code: String(code ?? ""),
    param: String(param ?? ""),
    status: Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined,
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
