// How the HTML report looks: one style sheet, light and dark by the reader's own setting, and A4 on paper.

export const styleSheet = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b2330; --soft: #5a6575; --line: #dfe4ea; --card: #f6f8fa;
  --a: #1f5fbf; --b: #12805c; --c: #b4530a;
  --ok: #12694a; --watch: #8a5a00; --alarm: #b3261e; --unknown: #5a6575;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #11151b; --ink: #e6eaf0; --soft: #9aa6b5; --line: #2b333e; --card: #1a2029;
    --a: #7fb0ff; --b: #4fd1a1; --c: #ffab5e;
    --ok: #4fd1a1; --watch: #f3c04b; --alarm: #ff8a80; --unknown: #9aa6b5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2rem 1.5rem 3rem; max-width: 64rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h3 { font-size: 1rem; line-height: 1.3; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
p { margin: .3rem 0; }
.soft, .none { color: var(--soft); }
p.small { font-size: .85rem; }
data, [data-part] { white-space: nowrap; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: .8rem; margin: 1.4rem 0; padding: 0; }
.card { display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .8rem .9rem; }
.card dt { flex: 1; color: var(--soft); font-size: .85rem; }
.card dd { margin: 0; }
.card .big { font-size: 1.55rem; font-weight: 600; line-height: 1.3; }
.card .small { color: var(--soft); font-size: .82rem; line-height: 1.4; min-height: 1.4em; }
.strip { display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; list-style: none; margin: 0 0 1rem; padding: 0; font-size: .88rem; }
.advice { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); gap: .8rem; margin-bottom: 1rem; }
.advice .card { overflow-wrap: anywhere; }
.promise { padding-bottom: .5rem; }
.promise p { margin: 0; }
.range { display: block; }
.terms { margin: .3rem 0 0; font-size: .82rem; border-top: 1px solid var(--line); padding-top: .4rem; }
.card .terms dt { font-size: .78rem; margin-top: .3rem; }
.under { display: block; font-size: .92em; color: var(--soft); }
.deed { display: block; }
.note { border-left: 3px solid var(--watch); padding-left: .8rem; }
figure { margin: .6rem 0 0; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 12px; }
svg .row-name { fill: var(--ink); font-size: 13px; }
.grid { stroke: var(--line); stroke-width: 1; fill: none; }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round; }
.curve-a { stroke: var(--a); } .curve-b { stroke: var(--b); stroke-dasharray: 7 4; } .curve-c { stroke: var(--c); stroke-dasharray: 2 3; }
.area { fill: var(--a); opacity: .12; }
.whisker { stroke: var(--a); stroke-width: 2; fill: none; } .whisker.fine { stroke-width: 1.2; opacity: .6; }
.dot { fill: var(--a); } .dot-open { fill: var(--paper); stroke: var(--a); stroke-width: 2; }
.zero { stroke: var(--soft); stroke-width: 1; fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; font-size: .85rem; color: var(--soft); list-style: none; margin: .2rem 0 0; padding: 0; }
.legend svg { display: inline-block; width: 2rem; height: .7rem; margin-right: .4rem; vertical-align: middle; }
details { margin-top: .3rem; font-size: .85rem; }
summary { cursor: pointer; color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td { text-align: left; vertical-align: top; padding: .42rem .7rem .42rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
td.amount, th.amount { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.change { min-width: 10.5rem; } .sign { min-width: 10rem; } .trend { min-width: 7.5rem; } .deeds { min-width: 11rem; }
td.what { min-width: 15rem; padding-left: .6rem; } th.what { padding-left: .6rem; }
td.what .soft { display: block; font-size: .92em; overflow-wrap: anywhere; }
@media screen { section > .scroll table { min-width: 46rem; } }
details table { width: auto; }
@media screen and (max-width: 40rem) {
  body { padding: 1.2rem 1rem 2rem; }
  .cards { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem; }
  .card .big { font-size: 1.35rem; }
  figure { overflow-x: auto; } figure > svg { min-width: 34rem; }
}
.state { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 0 .6rem; font-size: .82rem; font-weight: 600; }
.state-ok { color: var(--ok); } .state-watch { color: var(--watch); } .state-alarm { color: var(--alarm); } .state-unknown { color: var(--unknown); }
@page { size: A4; margin: 14mm; }
@media print {
  :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --line: #ccc; --card: #fff; --a: #1f5fbf; --b: #12805c; --c: #b4530a;
    --ok: #12694a; --watch: #8a5a00; --alarm: #b3261e; --unknown: #444; }
  html { font-size: 11px; }
  body { max-width: none; padding: 0; font-size: 12px; }
  td.what { min-width: 18rem; } .change, .sign, .trend, .deeds { min-width: 0; }
  .cards { grid-template-columns: repeat(5, 1fr); gap: 2mm; }
  .card { padding: 2mm; } .card .big { font-size: 13pt; }
  .advice { grid-template-columns: repeat(3, 1fr); gap: 2mm; }
  h2, h3 { break-after: avoid; }
  tr, figure, .card { break-inside: avoid; }
  .scroll { overflow: visible; }
  details:not([open]):not(.older) { display: none; }
  .older::details-content { content-visibility: visible; }
  .older summary { display: none; }
}
`;
