// The classes of a data set: the labels that occur as targets.
import { FailedPreconditionError } from "@chimera/kernel";

// A set with more is one of free texts, where F1 per class says nothing; it is refused before anything is asked.
const MAX_CLASSES = 1000;

/** Duplicates are fine. Throws FailedPreconditionError where there are more than 1000. */
export function classesOf(targets: Iterable<string>): ReadonlySet<string> {
  const classes = new Set(targets);
  if (classes.size <= MAX_CLASSES) return classes;
  throw new FailedPreconditionError(`the data set has ${classes.size} classes; at most ${MAX_CLASSES} can be scored`);
}
