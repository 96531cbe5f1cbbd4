/// Asks a judge which of two answers is better, and says how much its word is worth.
///
/// A [dev.nudge.eval.judge.Judge] reads a question with two answers and gives A, B or a tie: a
/// model of this machine ([dev.nudge.eval.judge.LocalJudge]), a server that speaks OpenAI's chat
/// completions ([dev.nudge.eval.judge.UrlJudge]), or one of your own. Every pair is asked in both
/// orders ([dev.nudge.eval.judge.BothOrders]); what comes of it is a
/// [dev.nudge.eval.judge.WinRate] and, on pairs that people have judged, an
/// [dev.nudge.eval.judge.Agreement]. [dev.nudge.eval.judge.Judging] does this for an evaluation, by
/// settings.
///
/// Knows nothing about policies and reports, or how the answers that are compared were made.
///
/// Read `Judge` first, then `BothOrders`.
@NullMarked
package dev.nudge.eval.judge;

import org.jspecify.annotations.NullMarked;
