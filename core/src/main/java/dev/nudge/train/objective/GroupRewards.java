package dev.nudge.train.objective;

import dev.nudge.adapter.PeftAdapter;
import dev.nudge.align.Reward;
import dev.nudge.align.RewardClasses;
import dev.nudge.align.Rewards;
import dev.nudge.align.Sample;
import dev.nudge.data.Dataset;
import dev.nudge.data.Splits;
import dev.nudge.data.rows.RowColumns;
import dev.nudge.data.rows.RowPattern;
import dev.nudge.data.tokens.Example;
import dev.nudge.generate.Decoding;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.RewardSource;
import dev.nudge.settings.train.RolloutSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Rewards completions by the weighted sum of the rewards that the settings name.
///
/// @param sources each with its reward; null: a reward adapter
/// @param rows columns of the training rows, by index
/// @param held columns of the held-out rows, by index
public record GroupRewards(
    Map<RewardSource, @Nullable Reward> sources,
    Map<Integer, Map<String, Object>> rows,
    Map<Integer, Map<String, Object>> held) {

  /// Finds the rewards, and checks that rows have their columns.
  ///
  /// @throws InputException if there is no such reward, or rows lack a column
  public static GroupRewards of(RolloutSettings settings, Splits splits) {
    List<RewardSource> named = settings.rewards();
    if (named.isEmpty()) {
      throw new InputException(
          "--objective grpo has rows of prompts alone and no --reward; give one, such as --reward"
              + " exact:{answer}, or rows with completions and rewards");
    }
    RewardClasses classes = RewardClasses.of(settings.rewardJar());
    Map<RewardSource, @Nullable Reward> sources = new LinkedHashMap<>();
    for (RewardSource source : named) {
      sources.put(source, Rewards.of(source, classes));
      if (source.adapter() != null) {
        checkAdapter(source);
      }
    }
    Dataset out = splits.held();
    GroupRewards rewards =
        new GroupRewards(
            sources, splits.columns(false), out == null ? Map.of() : splits.columns(true));
    rewards.check(splits.train(), rewards.rows);
    if (out != null) {
      rewards.check(out, rewards.held);
    }
    return rewards;
  }

  private static void checkAdapter(RewardSource source) {
    Path folder = Path.of(source.argument());
    if (!Files.isDirectory(folder)) {
      throw new InputException("--reward %s: no such folder".formatted(source.text()));
    }
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      if (!adapter.extras().score()) {
        throw new InputException(
            "--reward %s: it has no score head; train one by --objective reward"
                .formatted(source.text()));
      }
    }
  }

  /// Checks that rows have the columns of patterns.
  private void check(Dataset data, Map<Integer, Map<String, Object>> columns) {
    for (RewardSource source : sources.keySet()) {
      if (!source.kind().equals("exact")) {
        continue;
      }
      RowPattern pattern = RowPattern.parse("--reward exact", source.argument());
      for (Example row : data.examples()) {
        try {
          RowColumns.render(columns.getOrDefault(row.index(), Map.of()), pattern);
        } catch (InputException e) {
          throw new InputException(
              "--reward %s: %s:%d: %s"
                  .formatted(source.text(), row.file(), row.line(), e.getMessage()),
              e);
        }
      }
    }
  }

  /// A completion of a prompt.
  ///
  /// @param text of the prompt, special tokens included
  public record Completed(Example prompt, String text, Decoding.Answer answer) {
    public int tokens() {
      return answer.ids().length - prompt.length();
    }

    public Example sequence(double reward) {
      return Example.sampled(answer.ids(), prompt.length(), prompt.index(), reward);
    }

    private Sample sample(Map<Integer, Map<String, Object>> rows) {
      Map<String, Object> row = Objects.requireNonNull(rows.get(prompt.index()));
      return new Sample(text, answer.text(), tokens(), answer.finished(), row);
    }
  }

  /// Rewards of completions.
  ///
  /// @param parts by each reward; NaN: it failed
  /// @param sums weighted; NaN: one of them failed
  /// @param failed completions without a sum
  /// @param failure why the first failed; null: none did
  public record Worth(
      Map<String, double[]> parts, double[] sums, int failed, @Nullable String failure) {}

  /// @param held whether the prompts are held out
  /// @param byAdapter computes rewards by an adapter's folder
  public Worth of(
      List<Completed> completed,
      boolean held,
      BiFunction<Path, List<Example>, double[]> byAdapter) {
    List<Sample> samples = completed.stream().map(c -> c.sample(held ? this.held : rows)).toList();
    List<Example> sequences = completed.stream().map(c -> c.sequence(0)).toList();
    Map<String, double[]> parts = new LinkedHashMap<>();
    double[] sums = new double[samples.size()];
    String[] failure = {null};
    sources.forEach(
        (source, reward) -> {
          double[] values;
          if (reward == null) {
            values = byAdapter.apply(Path.of(source.argument()), sequences);
          } else {
            List<Rewards.Result> said = Rewards.ask(reward, samples);
            values = said.stream().mapToDouble(Rewards.Result::value).toArray();
            for (Rewards.Result one : said) {
              if (failure[0] == null && one.failure() != null) {
                failure[0] = "--reward %s: %s".formatted(source.text(), one.failure());
              }
            }
          }
          parts.put(source.text(), values);
          Arrays.setAll(sums, i -> sums[i] + source.weight() * values[i]);
        });
    int failed = (int) IntStream.range(0, sums.length).filter(i -> Double.isNaN(sums[i])).count();
    return new Worth(parts, sums, failed, failure[0]);
  }
}
