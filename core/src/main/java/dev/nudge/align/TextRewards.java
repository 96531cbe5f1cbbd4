package dev.nudge.align;

import dev.nudge.constrain.JsonSchema;
import dev.nudge.data.rows.RowColumns;
import dev.nudge.data.rows.RowPattern;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.RewardSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  /// 1 where the completion is JSON, and valid under the schema of the file that is named; else 0.
  static Reward json(RewardSource source) {
    if (source.argument().isEmpty()) {
      return new Of(source.text(), sample -> isJson(sample.completion()) ? 1 : 0);
    }
    JsonSchema schema = schema(source);
    return new Of(source.text(), sample -> schema.accepts(sample.completion()) ? 1 : 0);
  }

  private static JsonSchema schema(RewardSource source) {
    try {
      return JsonSchema.parse(Files.readString(Path.of(source.argument())));
    } catch (InputException e) {
      throw new InputException("--reward %s: %s".formatted(source.text(), e.getMessage()), e);
    } catch (IOException e) {
      throw new InputException(
          "--reward %s cannot be read: %s".formatted(source.text(), OutFolder.reason(e)), e);
    }
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
