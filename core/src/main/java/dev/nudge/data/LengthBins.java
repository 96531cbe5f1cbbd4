package dev.nudge.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/// A histogram of sequence lengths.
///
/// @param median median length
/// @param longest greatest length
/// @param width width of a bin in tokens
/// @param counts sequences per bin: of `0 .. width - 1` tokens, and so on
public record LengthBins(int median, int longest, int width, List<Integer> counts) {
  private static final int BINS = 10;
  private static final int[] STEPS = {1, 2, 5};

  /// @param lengths at least one
  public static LengthBins of(IntStream lengths) {
    int[] sorted = lengths.sorted().toArray();
    int longest = sorted[sorted.length - 1];
    int width = width(longest);
    int[] counts = new int[longest / width + 1];
    for (int length : sorted) {
      counts[length / width]++;
    }
    return new LengthBins(
        sorted[sorted.length / 2], longest, width, Arrays.stream(counts).boxed().toList());
  }

  /// The smallest of 1, 2, 5, 10, 20, … that makes few enough bins.
  private static int width(int longest) {
    long scale = 1;
    while (true) {
      for (int step : STEPS) {
        if (longest / (step * scale) < BINS) {
          return (int) (step * scale);
        }
      }
      scale *= 10;
    }
  }

  /// The names of the bins: `0-99`.
  public List<String> names() {
    List<String> names = new ArrayList<>();
    for (int bin = 0; bin < counts.size(); bin++) {
      int from = bin * width;
      names.add(width == 1 ? Integer.toString(from) : from + "-" + (from + width - 1));
    }
    return names;
  }
}
