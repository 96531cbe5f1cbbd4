/// Metrics of generated text and of class probabilities, as pure functions: exact match, the mean
/// scores that are services ([dev.nudge.eval.metric.TextMetric]), accuracy and F1 of labels
/// ([dev.nudge.eval.metric.Classification]), [dev.nudge.eval.metric.Calibration], perplexity,
/// numbers with a scale, verifiable instructions (IFEval), and corpus-level BLEU, chrF and TER
/// ([dev.nudge.eval.metric.CorpusMetric]).
///
/// Each reproduces the numbers of the reference implementation that it names; golden tests verify
/// this. Characters, white space and digits are Python's ([dev.nudge.python.PythonText]).
///
/// Knows nothing about models, engines, tasks or how an answer is extracted from a response. Read
/// `TextMetric` first.
@NullMarked
package dev.nudge.eval.metric;

import org.jspecify.annotations.NullMarked;
