// The examples of a data set: its train split and, of the tickets that ship with the mesh, each tenant's history. Nobody is scored
// on either.
import { ticketsPath } from "@chimera/tickets";
import type { DataSets } from "../dataset/data-sets.ts";
import type { Item } from "../dataset/item.ts";
import { loadItems } from "../dataset/load.ts";
import { ShotPool } from "./shots.ts";

/** Throws NotFoundError where the data set has no train split. */
export async function loadPool(dataset: string, datasets: DataSets): Promise<ShotPool> {
  return new ShotPool(await poolItems(dataset, datasets));
}

export async function poolItems(dataset: string, datasets: DataSets): Promise<readonly Item[]> {
  const train = await datasets.load({ dataset, split: "train" });
  if (dataset !== "tickets") return train.items;
  const history = await loadItems(ticketsPath("history"), 0);
  return [...history.items, ...train.items];
}
