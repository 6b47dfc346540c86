// Which port each process gets: a wished one where somebody wished, a free one otherwise.
import { freePorts, isPortFree } from "./free-port.ts";
import type { ServiceName } from "./services.ts";

/** A port that must be that one, a port that should be, or any. A number stands for a port that must be. */
export type PortWish = number | { preferred: number };
export type PortPlan = Partial<Record<ServiceName | "nats", PortWish>>;

/** Resolves every wish; throws where a required port is taken. Processes after the first of a kind get free ports. */
export async function assignPorts(
  processes: readonly { name: string; wish: PortWish | undefined }[],
): Promise<ReadonlyMap<string, number>> {
  const free = await freePorts(processes.length);
  const ports = new Map<string, number>();
  for (const [index, { name, wish }] of processes.entries()) {
    const anyFree = free[index] ?? 0;
    ports.set(name, wish === undefined ? anyFree : await resolve(name, wish, anyFree));
  }
  return ports;
}

async function resolve(name: string, wish: PortWish, anyFree: number): Promise<number> {
  const wanted = typeof wish === "number" ? wish : wish.preferred;
  if (wanted !== 0 && (await isPortFree(wanted))) return wanted;
  if (typeof wish === "number" && wanted !== 0) {
    const variable = `${name.toUpperCase()}_PORT`;
    throw new Error(
      `Port ${wanted} for ${name} is in use. End what listens there, or choose another: ${variable}=0 takes any free one.`,
    );
  }
  return anyFree;
}
