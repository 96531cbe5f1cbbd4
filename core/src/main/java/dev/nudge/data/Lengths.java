package dev.nudge.data;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/// Total, extremes and exact quantiles of row lengths; four bytes a row while they are collected.
///
/// @param total sum of all lengths
/// @param least smallest length
/// @param median 50th percentile
/// @param most90 90th percentile
/// @param most99 99th percentile
/// @param most greatest length
public record Lengths(long total, int least, int median, int most90, int most99, int most) {

  /// Collects lengths.
  static final class Tally {
    private int[] lengths = new int[1 << 10];
    private int count;

    void add(int length) {
      if (count == lengths.length) {
        lengths = Arrays.copyOf(lengths, 2 * count);
      }
      lengths[count++] = length;
    }

    int count() {
      return count;
    }

    Lengths lengths() {
      int[] sorted = Arrays.copyOf(lengths, count);
      Arrays.sort(sorted);
      return count == 0
          ? new Lengths(0, 0, 0, 0, 0, 0)
          : new Lengths(
              Arrays.stream(sorted).asLongStream().sum(),
              sorted[0],
              at(sorted, 0.5),
              at(sorted, 0.9),
              at(sorted, 0.99),
              sorted[count - 1]);
    }

    private static int at(int[] sorted, double share) {
      return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
    }
  }

  /// `1,234 in all; a row has 3 to 90, half of them up to 12, 90 % up to 40, 99 % up to 80`.
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%,d in all; a row has %,d to %,d, half of them up to %,d, 90 %% up to %,d, 99 %% up to %,d",
        total,
        least,
        most,
        median,
        most90,
        most99);
  }

  Map<String, Object> values() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("total", total);
    values.put("min", least);
    values.put("median", median);
    values.put("p90", most90);
    values.put("p99", most99);
    values.put("max", most);
    return values;
  }
}
