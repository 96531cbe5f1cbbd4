package dev.nudge.spark;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.generate.TableModel;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.Warnings;
import dev.nudge.settings.verb.ModelSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerApplicationEnd;
import org.jspecify.annotations.Nullable;

/// The model that the tasks of a process share. The first task loads it. It stays loaded until a
/// task needs another model and no task uses this one, or until the process ends.
///
/// Threading: any thread; tasks wait while one of them loads.
final class ExecutorModel implements AutoCloseable {
  private static final Map<List<Object>, ExecutorModel> ALL = new HashMap<>(); // guarded by itself

  private static @Nullable SparkContext watched; // guarded by ALL

  private final TableModel model;
  private int users; // guarded by ALL

  private ExecutorModel(TableModel model) {
    this.model = model;
  }

  /// Returns the model, loaded if necessary; close the result once.
  ///
  /// @param adapter adapter whose tokenizer is used if it has one; null: the model's
  /// @param memory see [GenerateSettings#memory]
  static ExecutorModel of(
      ModelSettings settings, @Nullable Path adapter, @Nullable ByteSize memory) {
    Path own = brings(adapter) ? adapter : null;
    List<Object> key =
        List.of(settings, changed(settings.model()), String.valueOf(own), String.valueOf(memory));
    synchronized (ALL) {
      ExecutorModel loaded = ALL.get(key);
      if (loaded == null) {
        closeIdle();
        loaded =
            new ExecutorModel(TableModel.open(settings, own, memory, machine(), Warnings.logged()));
        ALL.put(key, loaded);
      }
      loaded.users++;
      return loaded;
    }
  }

  /// Returns when a model was written, to detect that it was replaced.
  private static String changed(Path model) {
    try {
      return Files.getLastModifiedTime(model).toString();
    } catch (IOException e) {
      return ""; // the loader reports the error
    }
  }

  private static boolean brings(@Nullable Path adapter) {
    if (adapter == null) {
      return false;
    }
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      return peft.tokenizer() != null;
    }
  }

  /// Returns this machine with the executor's processors and its share of the memory.
  static Machine machine() {
    SparkEnv env = SparkEnv.get();
    if (env == null) {
      return machine(0, 1);
    }
    String host = env.blockManager().blockManagerId().host();
    return machine(
        env.conf().getInt("spark.executor.cores", 0), Slots.executors().getOrDefault(host, 1));
  }

  /// @param cores cores of the executor; 0: all
  /// @param perHost executors on this host
  static Machine machine(int cores, int perHost) {
    Machine here = Machine.here(cache());
    int threads = cores > 0 ? Math.min(cores, here.threads()) : here.threads();
    long memory = SweepTask.share(here.memoryBytes(), perHost);
    return new Machine(threads, memory, here.cache(), here.name(), here.others());
  }

  /// If tasks run in the driver's process (`local`), closes its models when the session ends;
  /// executors close theirs when their process ends.
  static void endWith(SparkContext spark) {
    synchronized (ALL) {
      if (spark.isLocal() && watched != spark) {
        watched = spark;
        spark.addSparkListener(
            new SparkListener() {
              @Override
              public void onApplicationEnd(SparkListenerApplicationEnd end) {
                closeIdle();
              }
            });
      }
    }
  }

  /// Frees the models that no task uses.
  static void closeIdle() {
    synchronized (ALL) {
      ALL.values()
          .removeIf(
              shared -> {
                if (shared.users == 0) {
                  shared.model.close();
                }
                return shared.users == 0;
              });
    }
  }

  /// Returns the number of models loaded in this process.
  static int held() {
    synchronized (ALL) {
      return ALL.size();
    }
  }

  TableModel model() {
    return model;
  }

  @Override
  public void close() {
    synchronized (ALL) {
      users--;
    }
  }

  /// Returns the cache folder of a cluster's process, for native libraries and digests:
  /// `NUDGE_CACHE`, else the home folder's cache, else a folder of this user in the temporary
  /// folder.
  static Path cache() {
    String given = System.getenv("NUDGE_CACHE");
    if (given != null && !given.isBlank()) {
      return Path.of(given);
    }
    Path home = Path.of(System.getProperty("user.home", "."));
    return Files.isWritable(home)
        ? home.resolve(".cache").resolve("nudge")
        : Path.of(
            System.getProperty("java.io.tmpdir"), "nudge-" + System.getProperty("user.name", ""));
  }
}
