/// Trains on several machines, in a barrier stage of Apache Spark: each task is a rank, and the
/// driver begins a failed stage again. Spark places and starts tasks and tells them their
/// addresses; gradients go from rank to rank by [dev.nudge.collective.Collective].
///
/// Rows of a table go through a model that the tasks of a process share ([RowJob], [RowTask]); what
/// becomes of a row is told by [dev.nudge.generate.TableModel].
///
/// It knows nothing of models and of training steps: a rank is a run of [dev.nudge.train.Training]
/// or follows one.
///
/// Read [dev.nudge.spark.NudgeSpark] first.
@NullMarked
package dev.nudge.spark;

import org.jspecify.annotations.NullMarked;
