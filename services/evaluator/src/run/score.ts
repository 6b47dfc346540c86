// What became of one item, and of a whole run.
import type { ChimeraError } from "@chimera/kernel";
import type { Item } from "../dataset/item.ts";

export interface Answer {
  text: string;
  model: string;
  modelVersion: string;
}

export interface ItemFailure {
  itemId: string;
  error: ChimeraError;
}

export interface ItemScore {
  item: Item;
  // Label asked for.
  target: string;
  // Label given; empty where the answer names no class of the data set, or where the request failed.
  predicted: string;
  correct: boolean;
  model: string;
  modelVersion: string;
}

export interface Progress {
  done: number;
  total: number;
  failed: number;
}
