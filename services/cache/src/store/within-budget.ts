// A call that is given up when its time is over. It may still end later; nobody listens then.
import { DeadlineExceededError } from "@chimera/kernel";

export async function withinBudget<T>(call: Promise<T>, budgetMs: number, what: string): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => over.reject(new DeadlineExceededError(`${what} took longer than ${budgetMs} ms`)),
    budgetMs,
  );
  try {
    return await Promise.race([call, over.promise]);
  } finally {
    clearTimeout(timer);
    call.catch(() => {});
  }
}
