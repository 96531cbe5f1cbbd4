package dev.nudge.settings.verb;

import org.jspecify.annotations.Nullable;

/// The share of rows in the test set, chosen by hash: of a column, so that rows with equal values
/// stay together, or of the whole row.
///
/// @param column null: the whole row
public record TestShare(double share, @Nullable String column) {
  private static final String ALLOWED =
      "a share above 0 and below 1, such as 0.1, or a share by a column whose values stay together,"
          + " such as 0.1:customer_id";

  @Override
  public String toString() {
    return column == null ? Double.toString(share) : share + ":" + column;
  }

  /// Parses `0.1` or `0.1:customer_id`.
  ///
  /// @throws IllegalArgumentException with the allowed forms
  public static TestShare parse(String text) {
    EvalSplit split;
    try {
      split = EvalSplit.parse(text);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(ALLOWED, e);
    }
    return switch (split) {
      case EvalSplit.Share all -> new TestShare(all.share(), null);
      case EvalSplit.Grouped groups -> new TestShare(groups.share(), groups.column());
      case EvalSplit.Named _ -> throw new IllegalArgumentException(ALLOWED);
    };
  }
}
