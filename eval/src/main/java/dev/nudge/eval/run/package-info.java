/// Runs tasks on a model: asks, scores, aggregates, and writes results in the harness's shape.
///
/// [Evaluation] does all of it. [ReadyTask] reads a task, [RequestTokens] makes tokens of requests
/// by the harness's rules, [TaskRunner] goes through tasks and models, [Answers] asks a session for
/// what is not in an [AnswerStore] yet, [SampleScorer] makes [MetricItem]s of answers,
/// [Aggregation] one number of those and [StandardError] how far it may be off, [GroupScores]
/// numbers of groups, [Difference] compares two models, and [ResultFiles] writes.
///
/// It knows nothing about how a metric of texts is computed, how a task file is read, or about
/// reports and gates.
///
/// Read [Evaluation] first.
@NullMarked
package dev.nudge.eval.run;

import org.jspecify.annotations.NullMarked;
