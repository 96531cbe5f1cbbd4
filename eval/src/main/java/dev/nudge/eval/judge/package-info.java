/// LLM as a judge: pairwise comparison of two models' answers, with position bias and agreement.
///
/// A [dev.nudge.eval.judge.Judge] reads a question with two answers and says A, B or a tie: a
/// local model ([dev.nudge.eval.judge.LocalJudge]), an OpenAI-compatible server
/// ([dev.nudge.eval.judge.UrlJudge]), or your own class. [dev.nudge.eval.judge.BothOrders] asks
/// every pair in both orders. The results are a [dev.nudge.eval.judge.WinRate] and, on
/// human-labelled pairs, an [dev.nudge.eval.judge.Agreement]. [dev.nudge.eval.judge.Judging] runs
/// all of it for an evaluation, by settings.
///
/// Knows nothing about policies and reports, or how the compared answers were generated.
///
/// Read `Judge` first, then `BothOrders`.
@NullMarked
package dev.nudge.eval.judge;

import org.jspecify.annotations.NullMarked;
