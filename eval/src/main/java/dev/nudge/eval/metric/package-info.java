/// Scores what a model said against what it should have said: exact match, SQuAD's F1
/// ([dev.nudge.eval.metric.SquadF1]), [dev.nudge.eval.metric.Rouge], labels
/// ([dev.nudge.eval.metric.Classification]), confidence ([dev.nudge.eval.metric.Calibration]),
/// perplexity, numbers with a scale, instructions that a program can check, and scores of a whole
/// corpus ([dev.nudge.eval.metric.CorpusMetric]: BLEU, chrF, TER).
///
/// Each is a pure function and has the numbers of the tool whose name it bears; goldens hold them
/// to that, on odd texts too. What these tools mean by a character, a blank or a digit is Python's
/// ([dev.nudge.python.PythonText]).
///
/// Knows nothing about models, engines, tasks or how an answer was cut out of a response. Read
/// `CorpusMetric` first.
@NullMarked
package dev.nudge.eval.metric;

import org.jspecify.annotations.NullMarked;
