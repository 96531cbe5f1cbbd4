package dev.nudge.eval.report;

/// The report's style sheet: light and dark scheme, print, narrow windows. No information is in
/// colour alone.
final class ReportStyle {
  static final String CSS =
      """
      :root { color-scheme: light dark; --paper: #fff; --ink: #1d2126; --soft: #5a6270; --line: #d8dce2; --panel: #f5f6f8;
        --good: #1a7a3c; --bad: #b3261e; --open: #6b6200; --before: #9a5b12; --after: #1f5fa8; }
      @media (prefers-color-scheme: dark) {
        :root { --paper: #14171b; --ink: #e4e7eb; --soft: #a2abb8; --line: #363c45; --panel: #1d2127;
          --good: #6fd08c; --bad: #ff8a80; --open: #e0cf5a; --before: #eab06a; --after: #7fb6f2; } }
      * { box-sizing: border-box }
      body { margin: 0 auto; max-width: 80rem; padding: 1rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
        font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
      h1 { font-size: 1.6rem; margin: .5rem 0 } h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; border-bottom: 1px solid var(--line) }
      h3 { font-size: 1.08rem; margin: 1.75rem 0 .4rem } h4 { font-size: 1rem; margin: 1.1rem 0 .3rem }
      p { margin: .4rem 0 } .soft { color: var(--soft); font-size: .9rem } a { color: var(--after) }
      .skip { position: absolute; left: -999rem } .skip:focus { position: static }
      nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; padding: 0; margin: .5rem 0 }
      .wide { overflow-x: auto; margin: .5rem 0 }
      table { border-collapse: collapse; font-size: .9rem; overflow-wrap: break-word } th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top }
      thead th { border-bottom: 2px solid var(--line); white-space: nowrap } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal }
      caption { text-align: left; color: var(--soft); font-size: .9rem; padding: .2rem 0 .4rem }
      td.name, th.name { min-width: 7rem } td.better, td.worse, td.open, td.m { white-space: nowrap } td.says { min-width: 20rem }
      .badge { display: inline-block; padding: .1rem .6rem; border: 2px solid currentColor; border-radius: .4rem; font-weight: 700; white-space: nowrap }
      .pass, .better { color: var(--good) } .fail, .worse { color: var(--bad) } .inconclusive { color: var(--open) } .open { color: var(--soft) }
      .fixed-count { color: var(--good) } .broken-count { color: var(--bad) }
      details { border: 1px solid var(--line); border-radius: .4rem; margin: .35rem 0; background: var(--panel) }
      summary { cursor: pointer; padding: .35rem .7rem } summary:focus-visible, .wide:focus-visible, a:focus-visible { outline: 3px solid var(--after); outline-offset: 2px }
      details .in { padding: .2rem .9rem .8rem }
      pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .2rem 0 .7rem; padding: .5rem .7rem; background: var(--paper); border: 1px solid var(--line);
        border-radius: .3rem; font: .86rem/1.45 ui-monospace, monospace; max-height: 24rem; overflow: auto; unicode-bidi: isolate }
      bdi, code { unicode-bidi: isolate } code { font: .88em ui-monospace, monospace }
      .plots { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start } figure { margin: .4rem 0; max-width: 100% } .plots figure { max-width: 22rem } .forest svg { min-width: 44rem } figcaption { color: var(--soft); font-size: .9rem }
      svg { display: block; max-width: 100%; height: auto } svg text { fill: var(--ink); font: 13px system-ui, sans-serif } svg .soft { fill: var(--soft); font-size: 12px }
      svg .grid { stroke: var(--line) } svg .zero { stroke: var(--soft); stroke-dasharray: 4 3 } svg .better { stroke: var(--good); fill: var(--good) }
      svg .worse { stroke: var(--bad); fill: var(--bad) } svg .open { stroke: var(--soft); fill: var(--paper) } svg .bar { stroke-width: 2 } svg .mark { stroke-width: 2 }
      svg .before { stroke: var(--before); fill: var(--paper) } svg .after { stroke: var(--after); fill: var(--after) } svg .join { fill: none; stroke-width: 1.5 }
      @media print { body { max-width: none } details { break-inside: avoid } nav, .skip { display: none } }
      """;

  private ReportStyle() {}
}
