// A process that writes until it is killed: the other half of kill.test.ts. Arguments: database file, first number.
// It prints the number of every row whose batch was reported as written.
import { numberedRow } from "../test-data.ts";
import { openStore } from "./open-store.ts";

const [path = "", first = "0"] = process.argv.slice(2);
const store = await openStore(`sqlite://${path}`, (error) => {
  throw error;
});
for (let number = Number(first); ; number += 1) {
  await store.set(numberedRow(number));
  if (number % 7 === 0) await store.delete(numberedRow(number - 3).key);
  // Returns when everything before it is written.
  if (number % 20 === 0) await store.noteUses([]).then(() => process.stdout.write(`${number}\n`));
}
