package dev.nudge.settings.verb;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Which rows of the data are held out.
public sealed interface EvalSplit {
  /// The files with a split's name, as in `data/test-00000-of-00001.parquet`.
  record Named(String name) implements EvalSplit {
    @Override
    public String toString() {
      return name;
    }
  }

  /// A share of the rows, drawn by the seed.
  record Share(double share) implements EvalSplit {
    @Override
    public String toString() {
      return Double.toString(share);
    }
  }

  /// About a share of the rows, by the hash of a column: rows with equal values stay together,
  /// wherever they are, independent of other rows.
  record Grouped(double share, String column) implements EvalSplit {
    @Override
    public String toString() {
      return share + ":" + column;
    }
  }

  /// Parses `test`, `0.05` or `0.05:customer_id`.
  ///
  /// @throws IllegalArgumentException with the allowed forms
  static EvalSplit parse(String text) {
    Matcher form = Forms.NUMBER.matcher(text);
    if (form.matches()) {
      double share = Double.parseDouble(form.group(1));
      if (share > 0 && share < 1) {
        return form.group(2) == null ? new Share(share) : new Grouped(share, form.group(2));
      }
    } else if (Forms.NAME.matcher(text).matches()) {
      return new Named(text);
    }
    throw new IllegalArgumentException(
        "the name of a split, such as test, a share above 0 and below 1, such as 0.05, or a share"
            + " by a column whose values stay together, such as 0.05:customer_id");
  }

  /// The grammar.
  final class Forms {
    private static final Pattern NUMBER =
        Pattern.compile("([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)(?::(.+))?");
    private static final Pattern NAME = Pattern.compile("[A-Za-z]\\w*");

    private Forms() {}
  }
}
