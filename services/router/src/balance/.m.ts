import { prefixKeys } from "./prefix-keys.ts";
for (const len of [500,8000,100000,500000]) { const text="abcdefghij ".repeat(len/11); const N=Math.ceil(2e7/len); for(let i=0;i<N/4;i++) prefixKeys({messages:[],prompt:text}); const t=process.cpuUsage(); for(let i=0;i<N;i++) prefixKeys({messages:[{role:1,content:text}],prompt:""}); const u=process.cpuUsage(t); console.log("prefixKeys",len,((u.user+u.system)/N).toFixed(1),"us"); }
const seen=new Map<number,string>(); let col=0,n=0; for(let i=0;i<200000;i++){ const t=String(i).padEnd(256,"x"); const k=prefixKeys({messages:[],prompt:t})[0]!; n++; if(seen.has(k)) col++; seen.set(k,t);} 
const low=new Set([...seen.keys()].map(k=>k%2**32)).size, hi=new Set([...seen.keys()].map(k=>Math.floor(k/2**32))).size; console.log({n,col,low,hi});
