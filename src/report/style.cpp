#include <reel/report/style.h>

#include <string_view>

#include <fmt/format.h>

namespace reel::report {
namespace {

constexpr std::string_view kStyle = R"(:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1f2328; --muted: #5b636d; --rule: #9aa2ac; --line: #d9dee4; --grid: #e7eaee; --faint: #f3f4f6;
  --ground: #f6f7f9; --wrong: #b42318; --positive: 214 64 43; --negative: 43 115 201;
  --cell-paper: #ffffff; --cell-ink: #111111; --shade: #0003;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b65a91; --c4: #c98a00; --c5: #3c9fd6; --c6: #8a7d00; --c7: #5b636d;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --ink: #e3e7ec; --muted: #9ba4af; --rule: #5b6470; --line: #333a43; --grid: #272d35; --faint: #1d2228;
    --ground: #1b2026; --wrong: #ff8a7a; --positive: 226 84 62; --negative: 70 140 228;
    --cell-paper: #d9dde2; --cell-ink: #0b0d10; --shade: #000a;
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
dl.results, dl.measured { margin-top: 0; border-top: 0; }
dl.results dd { font-weight: 650; }
dt { color: var(--muted); font-size: 13px; }
dl .long { grid-column: 1 / -1; }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
pre { margin: 0; padding: 12px 14px; background: var(--ground); border-radius: 6px; tab-size: 4;
  font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.wraps { white-space: pre-wrap; overflow-wrap: anywhere; }
.scrolls { overflow-x: auto; --cover: var(--paper); background-color: var(--cover); background-repeat: no-repeat;
  background-image: linear-gradient(var(--cover), var(--cover)), linear-gradient(var(--cover), var(--cover)),
  linear-gradient(to right, var(--shade), transparent), linear-gradient(to left, var(--shade), transparent);
  background-size: 24px 100%, 24px 100%, 14px 100%, 14px 100%; background-position: left, right, left, right;
  background-attachment: local, local, scroll, scroll; }
pre.scrolls { --cover: var(--ground); }
.when { color: var(--muted); font-size: 14px; margin: 0 0 6px; }
details { margin-top: 10px; }
details .when { margin-top: 16px; }
summary { color: var(--muted); font-size: 14px; cursor: pointer; }
table { border-collapse: collapse; min-width: 100%; font-size: 14px; line-height: 1.4; }
th, td { text-align: left; padding: 6px 24px 6px 0; border-bottom: 1px solid var(--line); vertical-align: baseline;
  white-space: nowrap; }
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
.coloured { background: none; border: 1px solid var(--line); line-height: 1.7; }
.coloured span { padding: 2px 0; }
.coloured i { position: relative; font-style: normal; }
.coloured i::before { content: "·"; position: absolute; left: 0; color: var(--muted); opacity: 0.7; }
.coloured .tab::before { content: "→"; } .coloured .end::before { content: "↵"; }
.scale { display: flex; align-items: center; gap: 8px; margin: 8px 0 0; color: var(--muted); font-size: 13px; }
.scale span { width: 140px; height: 9px; border: 1px solid var(--line); background: linear-gradient(to right,
  rgb(var(--negative) / 0.75), rgb(var(--negative) / 0), rgb(var(--positive) / 0), rgb(var(--positive) / 0.75)); }
.pictures { list-style: none; margin: 0; padding: 0; display: grid; gap: 24px 20px;
  grid-template-columns: repeat(auto-fill, minmax(152px, 1fr)); }
.pictures li { min-width: 0; }
.pictures img { display: block; max-width: 100%; height: auto; image-rendering: pixelated; border: 1px solid var(--line); }
.pictures p { margin: 8px 0 0; font-size: 14px; line-height: 1.35; overflow-wrap: anywhere; }
.words span { display: inline-block; padding-bottom: 3px; margin-right: 3px;
  background: linear-gradient(var(--c0), var(--c0)) 0 100% / var(--p, 0) 2px no-repeat,
  linear-gradient(var(--line), var(--line)) 0 100% / 100% 2px no-repeat; }
.pictures .truth { margin-top: 4px; color: var(--muted); font-size: 13px; }
.pictures b { color: var(--wrong); }
.story { list-style: none; margin: 0 0 20px; padding: 0; display: flex; flex-wrap: wrap; gap: 12px 0; }
.story:last-child { margin-bottom: 0; }
.story li { position: relative; padding-right: 34px; }
.story li:not(:last-child)::after { content: "→"; position: absolute; right: 9px; top: 28px; color: var(--muted); }
.story span { display: block; margin-top: 4px; max-width: 84px; color: var(--muted); font-size: 13px; line-height: 1.3; }
.cell-paper { fill: var(--cell-paper); stroke: var(--rule); } .cell-ink { fill: var(--cell-ink); }
.drawing { background: #fff; border: 1px solid var(--line); border-radius: 6px; padding: 8px; }
.drawing .fits { margin: 0 auto; }
.drawing .fits svg { display: block; width: 100%; height: auto; }
@media print {
  main { max-width: none; padding: 0; }
  section, figure { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scrolls { overflow: visible; }
  pre.scrolls { white-space: pre-wrap; overflow-wrap: anywhere; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
)";

}  // namespace

std::string style() {
  std::string out(kStyle);
  for (const auto& [name, colour] : {std::pair{'p', "positive"}, std::pair{'n', "negative"}})
    for (int level = 1; level <= kBackgrounds; ++level)
      out += fmt::format(".{}{} {{ background: rgb(var(--{}) / {:.2f}); }}\n", name, level, colour, 0.75 * level / kBackgrounds);
  return out;
}

}  // namespace reel::report
