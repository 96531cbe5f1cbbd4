package dev.nudge.align;

import dev.nudge.data.RowColumns;
import dev.nudge.data.RowPattern;
import dev.nudge.format.Json;
import dev.nudge.settings.RewardSource;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;

/// The rewards that a text alone gives.
final class TextRewards {
  private TextRewards() {}

  /// A reward that is a function of the sample.
  private record Of(String name, Judge judge) implements Reward {
    @Override
    public double of(Sample sample) {
      return judge.of(sample);
    }
  }

  private interface Judge {
    double of(Sample sample);
  }

  /// 1 where the completion is what the pattern gives, blanks around both left out; else 0.
  static Reward exact(RewardSource source) {
    RowPattern pattern = RowPattern.parse("--reward exact", source.argument());
    return new Of(
        source.text(),
        sample ->
            sample.completion().strip().equals(RowColumns.render(sample.row(), pattern).strip())
                ? 1
                : 0);
  }

  /// 1 where the expression has a match in the completion; else 0.
  static Reward regex(RewardSource source) {
    Pattern pattern = source.pattern();
    return new Of(
        source.text(),
        sample -> pattern.matcher(new Interruptible(sample.completion())).find() ? 1 : 0);
  }

  /// 1 up to so many tokens, falling to 0 at twice as many.
  static Reward length(RewardSource source) {
    double most = Double.parseDouble(source.argument());
    return new Of(source.text(), sample -> Math.clamp(2 - sample.tokens() / most, 0, 1));
  }

  /// 1 where the completion is JSON; else 0.
  static Reward json(RewardSource source) {
    return new Of(source.text(), sample -> isJson(sample.completion()) ? 1 : 0);
  }

  private static boolean isJson(String text) {
    try {
      return !Json.parseStrictly(text.strip()).isMissingNode();
    } catch (JacksonException e) {
      return false;
    }
  }

  /// A text in which an endless search can be interrupted.
  private record Interruptible(String text) implements CharSequence {
    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (Thread.currentThread().isInterrupted()) {
        throw new IllegalStateException("interrupted");
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return new Interruptible(text.substring(start, end));
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
