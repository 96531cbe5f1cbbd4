package dev.nudge.runs;

import java.util.Comparator;
import java.util.Locale;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A column of the list of runs, also a sort key.
public enum RunColumn {
  NAME(RunSummary::name),
  STATE(r -> r.state().word()),
  STEPS(RunSummary::steps),
  HELD_OUT(RunSummary::heldOut),
  LOSS(RunSummary::loss),
  METHOD(RunSummary::method),
  QUANTIZE(RunSummary::quantize),
  MODEL(RunSummary::model),
  TOKENS_PER_S(RunSummary::tokensPerS),
  DURATION(RunSummary::seconds),
  COST(RunSummary::cost),
  STARTED(RunSummary::started),
  ID(RunSummary::id);

  private final Function<RunSummary, @Nullable Object> value;

  RunColumn(Function<RunSummary, @Nullable Object> value) {
    this.value = value;
  }

  /// The value of a run; null if it has none.
  public @Nullable Object of(RunSummary run) {
    return value.apply(run);
  }

  /// A comparator by this column, ascending; runs without a value come last in either direction,
  /// and ties are ordered by id.
  public Comparator<RunSummary> order(boolean reverse) {
    Comparator<RunSummary> by =
        (a, b) -> {
          Object x = of(a);
          Object y = of(b);
          if (x == null || y == null) {
            return Boolean.compare(x == null, y == null);
          }
          return reverse ? compare(y, x) : compare(x, y);
        };
    return by.thenComparing(RunSummary::id);
  }

  @SuppressWarnings("unchecked") // a column's values have one type
  private static int compare(Object a, Object b) {
    return a instanceof String s
        ? s.compareToIgnoreCase((String) b)
        : ((Comparable<Object>) a).compareTo(b);
  }

  /// The name of the column in commands and output, such as `held-out`.
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
