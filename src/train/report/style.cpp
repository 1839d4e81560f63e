#include <reel/train/report/style.h>

namespace reel::report {

std::string_view style() {
  return R"(:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2328; --muted: #5b636d; --rule: #9aa2ac; --line: #d9dee4; --grid: #e7eaee; --faint: #f3f4f6;
  --ground: #f6f7f9; --wrong: #b42318; --positive: 214 64 43; --negative: 43 115 201;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b65a91; --c4: #c98a00; --c5: #3c9fd6; --c6: #8a7d00; --c7: #5b636d;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e3e7ec; --muted: #9ba4af; --rule: #5b6470; --line: #333a43; --grid: #272d35; --faint: #1d2228;
    --ground: #1b2026; --wrong: #ff8a7a; --positive: 226 84 62; --negative: 70 140 228;
    --c0: #4aa8e0; --c1: #f08040; --c2: #2fc497; --c3: #dd8fbd; --c4: #eab02c; --c5: #86cbf2; --c6: #d3c63a; --c7: #9ba4af;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 712px; margin: 0 auto; padding: 32px 16px 64px; }
header { padding-bottom: 4px; }
h1 { font-size: 26px; line-height: 1.25; font-weight: 650; letter-spacing: -0.01em; margin: 0; overflow-wrap: anywhere; }
header p { color: var(--muted); margin: 4px 0 0; overflow-wrap: anywhere; }
h2 { font-size: 18px; line-height: 1.3; font-weight: 650; margin: 0 0 12px; overflow-wrap: anywhere; }
section { margin-top: 44px; }
figure { margin: 0; }
figcaption { color: var(--muted); font-size: 14px; margin-top: 10px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 10px 20px; margin: 20px 0 0;
  padding: 14px 0; border-top: 1px solid var(--line); border-bottom: 1px solid var(--line); }
dt { color: var(--muted); font-size: 13px; }
dl .long { grid-column: 1 / -1; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
pre { margin: 0; padding: 12px 14px; background: var(--ground); border-radius: 6px; tab-size: 4;
  font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.wraps { white-space: pre-wrap; overflow-wrap: anywhere; }
.scrolls { overflow-x: auto; }
.when { color: var(--muted); font-size: 14px; margin: 0 0 6px; }
details { margin-top: 10px; }
details .when { margin-top: 16px; }
summary { color: var(--muted); font-size: 14px; cursor: pointer; }
table { border-collapse: collapse; min-width: 100%; font-size: 14px; line-height: 1.4; }
th, td { text-align: left; padding: 6px 24px 6px 0; border-bottom: 1px solid var(--line); vertical-align: baseline; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
th { color: var(--muted); font-weight: 500; }
td.long, th.long { white-space: normal; min-width: 17em; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; }
svg text { font-variant-numeric: tabular-nums; }
svg.scales { width: 100%; height: auto; }
.narrow { display: none; }
@media (max-width: 600px) {
  main { padding-top: 20px; }
  .wide { display: none; }
  .narrow { display: block; }
}
.ink { fill: var(--ink); } .muted { fill: var(--muted); } .halo { fill: var(--paper); stroke: var(--paper); }
.grid { stroke: var(--grid); } .faint { stroke: var(--faint); } .rule, .hatch { stroke: var(--rule); }
.level { stroke: var(--muted); } .wrong { fill: var(--wrong); }
.positive { fill: rgb(var(--positive)); } .negative { fill: rgb(var(--negative)); }
.s0 { stroke: var(--c0); } .s1 { stroke: var(--c1); } .s2 { stroke: var(--c2); } .s3 { stroke: var(--c3); }
.s4 { stroke: var(--c4); } .s5 { stroke: var(--c5); } .s6 { stroke: var(--c6); } .s7 { stroke: var(--c7); }
.f0 { fill: var(--c0); } .f1 { fill: var(--c1); } .f2 { fill: var(--c2); } .f3 { fill: var(--c3); }
.f4 { fill: var(--c4); } .f5 { fill: var(--c5); } .f6 { fill: var(--c6); } .f7 { fill: var(--c7); }
@media print {
  main { max-width: none; padding: 0; }
  section, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)";
}

}  // namespace reel::report
