package dev.nudge.spark;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.storage.BlockManagerId;

/// Counts the tasks that can run in parallel, and waits until all ranks of a barrier stage can.
/// Spark itself would wait ten minutes and then print a stack trace.
final class Slots {
  private static final int FIRST = 600; // seconds in which an executor starts
  private static final int MORE = 60; // seconds in which others follow
  private static final int LOOK = 500; // ms
  private static final int SETTLING = 2000; // ms

  private Slots() {}

  /// Waits until the cluster has `ranks` slots.
  ///
  /// @throws InputException if it does not get them
  static void await(SparkContext spark, int ranks) {
    fixed(spark);
    await(spark, "--ranks", ranks);
  }

  private static void fixed(SparkContext spark) {
    if (spark.getConf().getBoolean("spark.dynamicAllocation.enabled", false)) {
      throw new InputException(
          "spark.dynamicAllocation.enabled is true; a barrier stage has a fixed number of"
              + " executors, so set it to false");
    }
  }

  private static void await(SparkContext spark, String flag, int wanted) {
    int before = 0;
    int waited = 0;
    for (int now = slots(spark); now < wanted; now = slots(spark), waited += LOOK) {
      waited = now > before ? 0 : waited;
      before = now;
      if (spark.isLocal() || waited >= 1000 * (now == 0 ? FIRST : MORE)) {
        throw new InputException(
            refusal(
                flag,
                wanted,
                now,
                spark.defaultParallelism(),
                spark.getConf().get("spark.task.cpus", "1")));
      }
      sleep(LOOK);
    }
  }

  /// Describes why there are not enough slots.
  ///
  /// @param flag flag that requests them
  /// @param slots available slots
  static String refusal(String flag, int wanted, int slots, int cores, String each) {
    return "%s %d: the cluster runs %d tasks at once (%d cores, spark.task.cpus %s); give it more executors or cores%s"
        .formatted(
            flag,
            wanted,
            slots,
            cores,
            each,
            slots == 0 ? "" : ", or give at most %s %d".formatted(flag, slots));
  }

  private static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RunException("interrupted while executors were awaited", e);
    }
  }

  /// Returns the number of parallel tasks, once no more executors appear.
  static int settled(SparkContext spark) {
    if (!spark.getConf().getBoolean("spark.dynamicAllocation.enabled", false)) {
      await(spark, "--tasks", 1);
    }
    int before = 0;
    int now = slots(spark);
    while (!spark.isLocal() && now != before) {
      sleep(SETTLING);
      before = now;
      now = slots(spark);
    }
    return Math.max(1, now);
  }

  /// Returns the most tasks that run in parallel on one host.
  static int beside(SparkContext spark) {
    Collection<Integer> counts = executors().values();
    int all = counts.stream().mapToInt(Integer::intValue).sum();
    return Math.max(1, Math.ceilDiv(slots(spark) * Collections.max(counts), all));
  }

  /// Counts the executors of each host; without executors the driver counts as one. Tasks may call
  /// it too.
  static Map<String, Integer> executors() {
    Map<String, Integer> executors = new HashMap<>();
    String driver = "";
    scala.collection.Iterator<BlockManagerId> all =
        SparkEnv.get().blockManager().master().getMemoryStatus().keysIterator();
    while (all.hasNext()) {
      BlockManagerId one = all.next();
      if (one.isDriver()) {
        driver = one.host();
      } else {
        executors.merge(one.host(), 1, Integer::sum);
      }
    }
    return executors.isEmpty() ? Map.of(driver, 1) : executors;
  }

  private static int slots(SparkContext spark) {
    return spark.maxNumConcurrentTasks(spark.resourceProfileManager().defaultResourceProfile());
  }
}
