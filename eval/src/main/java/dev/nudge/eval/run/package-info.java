/// Runs lm-evaluation-harness tasks on a model: inference, scoring, aggregation, result files.
///
/// [Evaluation] is the entry. [ReadyTask] loads a task, [RequestTokens] tokenizes its requests by
/// the harness's rules, [TaskRunner] loops over tasks and models, [Answers] runs inference on
/// requests not yet in the [AnswerStore], [SampleScorer] turns answers into [MetricItem]s,
/// [Aggregation] into one number with its error, [GroupScores] the numbers of groups,
/// [Difference] compares two models, and [ResultFiles] writes.
///
/// Knows nothing about how a text metric is computed, how a task file is read, or about reports
/// and gates.
///
/// Read [Evaluation] first.
@NullMarked
package dev.nudge.eval.run;

import org.jspecify.annotations.NullMarked;
