package dev.nudge.align;

import dev.nudge.settings.train.RewardSource;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/// Asks rewards, many samples at once, each within a time.
public final class Rewards {
  /// Seconds that a reward has for a sample.
  public static final int SECONDS = 10;

  private static final int AT_ONCE = 16;

  private Rewards() {}

  /// What a reward says of a sample.
  ///
  /// @param value NaN: it failed
  /// @param failure why; null: it did not fail
  public record Result(double value, @Nullable String failure) {}

  /// Finds a reward; null: it is that of an adapter, which only the run's model can give.
  ///
  /// @throws dev.nudge.settings.InputException if there is no such reward
  public static @Nullable Reward of(RewardSource source, RewardClasses classes) {
    return switch (source.kind()) {
      case "exact" -> TextRewards.exact(source);
      case "regex" -> TextRewards.regex(source);
      case "length" -> TextRewards.length(source);
      case "json" -> TextRewards.json(source);
      case "url" -> UrlReward.of(source.text(), source.argument());
      case "adapter" -> null;
      default -> classes.named(source.kind());
    };
  }

  /// Asks a reward about samples.
  ///
  /// @return what it says of each, in their order
  public static List<Result> ask(Reward reward, List<Sample> samples) {
    return ask(reward, samples, Duration.ofSeconds(SECONDS));
  }

  /// @param most time for a sample
  static List<Result> ask(Reward reward, List<Sample> samples, Duration most) {
    Semaphore turns = new Semaphore(AT_ONCE);
    List<Future<Result>> all = new ArrayList<>();
    try (ExecutorService asking = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Sample sample : samples) {
        all.add(
            asking.submit(
                () -> {
                  turns.acquire();
                  try {
                    return within(reward, sample, most);
                  } finally {
                    turns.release();
                  }
                }));
      }
    }
    return all.stream().map(Rewards::said).toList();
  }

  private static Result said(Future<Result> one) {
    return one.state() == Future.State.SUCCESS
        ? one.resultNow()
        : new Result(Double.NaN, "interrupted"); // with the thread that asks
  }

  /// Asks on a thread of its own, which is left behind if it does not answer.
  private static Result within(Reward reward, Sample sample, Duration most)
      throws InterruptedException {
    FutureTask<Double> task = new FutureTask<>(() -> reward.of(sample));
    Thread.ofPlatform().daemon().name("reward").start(task);
    try {
      double value = task.get(most.toMillis(), TimeUnit.MILLISECONDS);
      return Double.isFinite(value)
          ? new Result(value, null)
          : new Result(Double.NaN, "it is " + value);
    } catch (TimeoutException e) {
      task.cancel(true);
      return new Result(Double.NaN, "no answer in %d seconds".formatted(most.toSeconds()));
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      String said = cause.getMessage();
      return new Result(Double.NaN, said == null ? "it failed" : said);
    }
  }
}
