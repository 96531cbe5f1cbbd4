/// Reads task files of lm-evaluation-harness and asks what they ask: from YAML to prompts, and from
/// answers to what is taken of them.
///
/// [TaskIndex] finds the files, [TaskTree] resolves names, groups, tags and overrides to
/// [TaskConfig]s, [TaskData] reads documents, [TaskFields] renders templates over a document,
/// [PromptBuilder] puts shots and question together, and [Task] makes [Sample]s with their
/// [TaskRequest]s of all that. [AnswerFilters] take what is scored out of generated answers. What
/// the harness
/// gets from Python is as Python does it: [dev.nudge.python], [TaskYaml].
///
/// It knows nothing about models, tokens or scores.
///
/// Read [Task] first.
@NullMarked
package dev.nudge.eval.task;

import org.jspecify.annotations.NullMarked;
