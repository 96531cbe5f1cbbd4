/// Trains on several machines, in a barrier stage of Apache Spark: each task is a rank, and the
/// driver repeats a failed stage. Spark places and starts tasks and exchanges their addresses;
/// ranks send gradients to each other by [dev.nudge.collective.Collective].
///
/// Rows of a table go through a model that the tasks of a process share ([RowJob], [RowTask]);
/// [dev.nudge.generate.TableModel] computes the results.
///
/// It knows nothing about models and training steps: rank 0 runs [dev.nudge.train.Training], and
/// other ranks follow it.
///
/// Read [dev.nudge.spark.NudgeSpark] first.
@NullMarked
package dev.nudge.spark;

import org.jspecify.annotations.NullMarked;
