package dev.nudge.spark;

import dev.nudge.format.Claim;
import dev.nudge.settings.NudgeException;
import dev.nudge.settings.RunException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import java.util.regex.Pattern;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.AnalysisException;
import org.jspecify.annotations.Nullable;

/// A Spark job: another thread waits for it while the calling thread reports its progress.
///
/// @param lines results of its tasks; null: it was cancelled, or failed
/// @param failure the failure in Spark; null: none
record Job(@Nullable List<String> lines, @Nullable Throwable failure) {
  static final int LOOK = 500; // ms
  private static final int SAVING = 120; // seconds for a cancelled run to save

  private static final Pattern LOST =
      Pattern.compile("ExecutorLostFailure|\\b(code|status):? 137\\b");

  /// Runs a job.
  ///
  /// @param collecting runs the job and returns its tasks' results
  /// @param look callback, twice a second and once after the end
  /// @param cancelled once true, the tasks are asked to end
  static Job run(
      SparkContext spark,
      String description,
      Callable<List<String>> collecting,
      Runnable look,
      BooleanSupplier cancelled) {
    String group = "nudge-" + UUID.randomUUID();
    FutureTask<List<String>> job =
        new FutureTask<>(
            () -> {
              spark.setJobGroup(group, description, false);
              return collecting.call();
            });
    Thread.ofPlatform().daemon().name(group).start(job);
    boolean asked = false;
    try {
      while (!isDone(job)) {
        look.run();
        if (cancelled.getAsBoolean()) {
          spark.cancelJobGroup(group); // repeated, as only a running job is cancelled
          asked = true;
        }
      }
    } finally {
      if (!job.isDone()) {
        spark.cancelJobGroup(group);
      }
    }
    look.run();
    if (asked) {
      return new Job(null, null);
    }
    try {
      return new Job(job.get(), null);
    } catch (ExecutionException e) {
      return new Job(null, Objects.requireNonNullElse(e.getCause(), e));
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static boolean isDone(FutureTask<?> job) {
    try {
      job.get(LOOK, TimeUnit.MILLISECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      return true; // the caller reads the failure
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  /// Waits until tasks that were asked to end have saved and released a folder.
  static void awaitLeft(Path out) {
    for (int waited = 0; waited < SAVING * 1000 && Claim.isHeld(out); waited += LOOK) {
      sleep(LOOK);
    }
  }

  static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException e) {
      throw interrupted(e);
    }
  }

  private static RunException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new RunException("interrupted while the stage ran; its tasks end with the session", e);
  }

  /// Returns the cause of a job's failure on one line, without the exception's class.
  static String line(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (LOST.matcher(String.valueOf(cause.getMessage())).find()) {
        return "an executor was lost, perhaps for want of memory; raise"
            + " spark.executor.memoryOverhead";
      }
    }
    return told(root(failure))
        .replaceFirst("^Job aborted due to stage failure: .*?\\(TID \\d+\\)( \\([^)]*\\))?: ", "")
        .replaceFirst("^(([\\w$]+\\.)+[\\w$]+: )+", "")
        .replaceFirst("^\\[[A-Z][A-Z0-9_.]+\\] ", "") // Spark's error class
        .replaceFirst(";? SQLSTATE: \\w{5}", "")
        .replaceFirst(";$", "");
  }

  /// Returns the most informative cause: the first one meant for users, else the last.
  static Throwable root(Throwable failure) {
    Throwable root = failure;
    while (!(root instanceof NudgeException || root instanceof AnalysisException)) {
      Throwable cause = root.getCause();
      if (cause == null) {
        break;
      }
      root = cause;
    }
    return root;
  }

  private static String told(Throwable failure) {
    if (failure.getMessage() == null) {
      return failure.getClass().getSimpleName();
    }
    String message = String.valueOf(failure.getMessage()).strip();
    String cause = "Caused by: "; // after "Job aborted due to stage failure" and a trace
    return message
        .lines()
        .filter(one -> one.startsWith(cause))
        .reduce((_, last) -> last.substring(cause.length()))
        .or(() -> message.lines().findFirst())
        .orElse(failure.getClass().getSimpleName());
  }
}
