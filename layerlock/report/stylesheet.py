"""How the report looks, on a desk and on a phone, by day and by night."""

CSS = """
:root {
  color-scheme: light dark;
  --page: #f4f7fa; --surface: #ffffff; --ink: #15202b; --muted: #5a6877;
  --grid: #e3e9ef; --event: #c3cbd4; --ice: #1f77c9; --frost: #d4e8fa;
  --ember: #dd6b20; --alarm: #d32f2f; --good: #1b8354; --code: #eef2f6;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d131a; --surface: #161e27; --ink: #e7edf3; --muted: #94a3b3;
    --grid: #283340; --event: #46525f; --ice: #62b0f7; --frost: #1c3d5c;
    --ember: #f7975a; --alarm: #ff7b72; --good: #56c596; --code: #202b37;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto,
    "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1120px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 2rem; line-height: 1.2; margin: 4px 0 8px;
  letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 48px 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0 0 12px; max-width: 76ch; }
.brand { color: var(--ice); font-weight: 650; font-size: 0.85rem;
  letter-spacing: 0.08em; text-transform: uppercase; }
.muted, .facts dt, figcaption { color: var(--muted); }
.facts { display: flex; flex-wrap: wrap; gap: 4px 24px; margin: 0; }
.facts div { display: flex; gap: 8px; min-width: 0; }
.facts dd { margin: 0; font-weight: 550; overflow-wrap: anywhere; }
.tiles { display: grid; gap: 12px; margin: 28px 0 0;
  grid-template-columns: repeat(4, 1fr); }
.tile.wide { grid-column: span 2; }
.card, .tile, .notice { background: var(--surface); border-radius: 12px;
  border: 1px solid var(--grid); }
.tile { padding: 14px 16px; }
.tile .name { color: var(--muted); font-size: 0.8rem; }
.tile .value { font-size: 1.5rem; font-weight: 650; line-height: 1.3;
  letter-spacing: -0.02em; }
.tile .note { font-size: 0.82rem; color: var(--muted); line-height: 1.4; }
.good .value { color: var(--good); } .bad .value { color: var(--alarm); }
.notice { border-left: 4px solid var(--ice); padding: 12px 16px;
  margin-top: 16px; }
.notice.alarm { border-left-color: var(--alarm); }
.notice p { margin: 0; } .notice code { white-space: nowrap; }
.grid { display: grid; gap: 16px; margin-top: 16px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.card { margin: 0; padding: 16px 18px; min-width: 0; }
.card.wide { grid-column: 1 / -1; }
figcaption { font-size: 0.88rem; line-height: 1.45; margin: 2px 0 10px; }
svg { display: block; width: 100%; height: auto; }
svg text { font-family: inherit; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
.wide .scroll > svg { min-width: 660px; }
.keys { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 0.82rem;
  color: var(--muted); margin-bottom: 8px; }
.keys span::before { content: ""; display: inline-block; width: 18px;
  margin-right: 6px; vertical-align: middle; border-top: 3px solid; }
.keys .ice::before { border-color: var(--ice); }
.keys .ember::before { border-color: var(--ember); }
.keys .dash::before { border-top-style: dashed; border-color: var(--ember); }
.keys .thin::before { border-top-width: 1px; border-color: var(--ice); }
.keys .faint::before { border-color: var(--ice); opacity: 0.4; }
.keys .limit::before { border-top: 2px dashed var(--alarm); }
.keys .gap::before { border-top: 12px solid var(--event); }
.keys .frost::before { border-top: 12px solid var(--frost); }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem;
  font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--muted); font-weight: 550;
  white-space: nowrap; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--grid); }
td { vertical-align: top; overflow-wrap: anywhere; }
.numbers td { white-space: nowrap; }
ul.plain { list-style: none; margin: 0 0 8px; padding: 0; }
tbody tr:last-child td { border-bottom: 0; }
code, pre { font: 0.86em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas,
    monospace; background: var(--code); border-radius: 6px; }
code { padding: 1px 5px; }
pre { padding: 12px 14px; margin: 6px 0 16px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
details { margin-top: 12px; }
summary { cursor: pointer; font-weight: 600; }
.clip + .clip { margin-top: 18px; }
.row { display: grid; grid-template-columns: 110px 1fr; gap: 12px;
  align-items: center; margin-bottom: 5px; font-size: 0.82rem;
  color: var(--muted); }
.row img { display: block; max-width: 100%; height: auto; }
footer { margin-top: 48px; color: var(--muted); font-size: 0.85rem; }
@media (max-width: 640px) {
  main { padding: 24px 14px 40px; }
  h1 { font-size: 1.6rem; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .tile { padding: 10px 12px; } .tile .value { font-size: 1.25rem; }
  .card { padding: 14px; }
  .row { grid-template-columns: 1fr; gap: 2px; }
}
@media print {
  body { background: none; }
  .card, .tile { break-inside: avoid; }
}
"""
