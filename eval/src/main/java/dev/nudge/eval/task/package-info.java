/// lm-evaluation-harness task files: from YAML and documents to prompts, and from generated text
/// to the extracted answer.
///
/// [TaskIndex] finds the files, [TaskTree] resolves names, groups, tags and overrides to
/// [TaskConfig]s, [TaskData] reads documents, [TaskFields] renders Jinja templates over a
/// document, [PromptBuilder] joins few-shot examples and question, and [Task] makes [Sample]s with
/// their [TaskRequest]s. [AnswerFilters] extract answers. Python semantics are reproduced by
/// [dev.nudge.python] and [TaskYaml].
///
/// Knows nothing about models, tokens or scores.
///
/// Read [Task] first.
@NullMarked
package dev.nudge.eval.task;

import org.jspecify.annotations.NullMarked;
