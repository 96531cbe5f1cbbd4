package dev.nudge.spark;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import org.apache.spark.SparkContext;

/// Whether all ranks find a place at once, which a barrier stage needs. Spark itself waits ten
/// minutes and then gives a stack trace.
final class Slots {
  private static final int FIRST = 600; // seconds in which an executor starts
  private static final int MORE = 60; // seconds in which others follow
  private static final int LOOK = 500; // ms

  private Slots() {}

  /// Waits until there are so many slots.
  ///
  /// @throws InputException if there will not be
  static void await(SparkContext spark, int ranks) {
    if (spark.getConf().getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw new InputException(
          "spark.dynamicAllocation.enabled is true; a barrier stage has a fixed number of"
              + " executors, so set it to false");
    }
    int before = 0;
    int waited = 0;
    for (int now = slots(spark); now < ranks; now = slots(spark), waited += LOOK) {
      waited = now > before ? 0 : waited;
      before = now;
      if (spark.isLocal() || waited >= 1000 * (now == 0 ? FIRST : MORE)) {
        throw new InputException(
            "--ranks %d: the cluster runs %d tasks at once (%d cores, spark.task.cpus %s); give it more executors or cores, or give at most --ranks %d"
                .formatted(
                    ranks,
                    slots(spark),
                    spark.defaultParallelism(),
                    spark.getConf().get("spark.task.cpus", "1"),
                    Math.max(1, slots(spark))));
      }
      try {
        Thread.sleep(LOOK);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RunException("interrupted while executors were awaited", e);
      }
    }
  }

  private static int slots(SparkContext spark) {
    return spark.maxNumConcurrentTasks(spark.resourceProfileManager().defaultResourceProfile());
  }
}
