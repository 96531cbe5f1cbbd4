package dev.nudge.data.source;

import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// Tells from a file's name which split of a data set it holds, as the Hugging Face hub does:
/// `data/train-00000-of-00002.parquet`, `test.csv`, `validation/a.jsonl`.
///
/// A part of the name, or of a folder's, that stands between other signs than letters is a split:
/// train, validation (valid, val, dev) or test (testing, eval, evaluation). A file that is numbered
/// as above is of the split before the number, whatever its name.
final class DatasetSplit {
  static final String TRAIN = "train";

  private static final Pattern NUMBERED = Pattern.compile("(\\w+?)-\\d{5}-of-\\d{5}\\..*");
  private static final Pattern WORD =
      Pattern.compile(
          "(?<![a-z])(train|training|validation|valid|val|dev|test|testing|eval|evaluation)(?![a-z])");

  private DatasetSplit() {}

  /// The split of a file; null where its name tells none.
  ///
  /// @param file within its data set
  static @Nullable String of(Path file) {
    Matcher numbered = NUMBERED.matcher(file.getFileName().toString());
    if (numbered.matches()) {
      return known(numbered.group(1));
    }
    for (int i = file.getNameCount() - 1; i >= 0; i--) {
      Matcher word = WORD.matcher(file.getName(i).toString().toLowerCase(Locale.ROOT));
      if (word.find()) {
        return known(word.group(1));
      }
    }
    return null;
  }

  /// The one name of a split that has several.
  static String known(String name) {
    return switch (name.toLowerCase(Locale.ROOT)) {
      case "training" -> TRAIN;
      case "valid", "val", "dev" -> "validation";
      case "testing", "eval", "evaluation" -> "test";
      default -> name;
    };
  }
}
