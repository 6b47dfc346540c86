import { systemClock } from "@chimera/kernel";
import { killResults } from "/work/main/test/bench/cache/kill.ts";
const t=performance.now();
const r = await killResults({ quick: process.argv[2] !== "full", signal: new AbortController().signal, clock: systemClock, progress: (l: string) => process.argv[2] === "full" || console.log(l) });
console.log(JSON.stringify(r.map(({id,value,n})=>({id,value,n}))), (performance.now()-t)/1000);
