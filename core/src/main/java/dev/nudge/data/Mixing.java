package dev.nudge.data;

import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Mixture;
import dev.nudge.settings.train.Mixture.Amount;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// Computes how many rows of each source an epoch takes in a mixture.
///
/// A source without an amount gives each row once. Shares are of the whole epoch: if other sources
/// have numbers of rows, the epoch's length follows from both; if all have shares, it is the length
/// of all sources together, and shares are relative to their sum. Rows are sequences here: each
/// part of a split text counts.
public final class Mixing {
  private Mixing() {}

  /// Returns the portions of an epoch, in the order of the sources.
  ///
  /// @param sources names of the sources, as `--data` gives them
  /// @throws InputException if a source has no row, or shares leave nothing for the others
  public static List<Batches.Portion> portions(
      Dataset data, List<String> sources, Mixture mixture) {
    List<int[]> rows = rows(data, sources);
    double fixed = 0;
    double shares = 0;
    for (int i = 0; i < sources.size(); i++) {
      @Nullable Amount amount = mixture.parts().get(sources.get(i));
      if (amount instanceof Amount.Share share) {
        shares += share.share();
      } else {
        fixed += number(amount, rows.get(i).length);
      }
    }
    if (fixed > 0 && shares > 1 - 1e-9) {
      throw new InputException(
          "--mixture: the shares are 100 % and leave nothing for the other sources of --data; make"
              + " them smaller, or give each source one");
    }
    double epoch = fixed > 0 ? fixed / (1 - shares) : rows.stream().mapToInt(r -> r.length).sum();
    double whole = fixed > 0 ? 1 : shares;
    List<Batches.Portion> portions = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      @Nullable Amount amount = mixture.parts().get(sources.get(i));
      double taken =
          amount instanceof Amount.Share share
              ? share.share() / whole * epoch
              : number(amount, rows.get(i).length);
      if (taken > Integer.MAX_VALUE) {
        throw new InputException(
            "--mixture: an epoch of " + sources.get(i) + " is above 2^31 rows");
      }
      portions.add(new Batches.Portion(rows.get(i), Math.max(1, (int) Math.round(taken))));
    }
    return portions;
  }

  private static double number(@Nullable Amount amount, int rows) {
    return switch (amount) {
      case null -> rows;
      case Amount.Times times -> times.times() * rows;
      case Amount.Rows number -> number.rows();
      case Amount.Share _ -> throw new IllegalArgumentException("a share is no number of rows");
    };
  }

  /// The place of a row's first sequence among all rows that were read.
  private static int index(Dataset data, int row) {
    return data.examples().get(row * data.sequencesPerRow()).index();
  }

  private static List<int[]> rows(Dataset data, List<String> sources) {
    int[] starts = data.sourceStarts().stream().mapToInt(Integer::intValue).toArray();
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < sources.size(); i++) {
      int from = i < starts.length ? starts[i] : Integer.MAX_VALUE;
      int to = i + 1 < starts.length ? starts[i + 1] : Integer.MAX_VALUE;
      int[] own =
          IntStream.range(0, data.rows())
              .filter(row -> index(data, row) >= from && index(data, row) < to)
              .toArray();
      if (own.length == 0) {
        throw new InputException(
            "--mixture: " + sources.get(i) + " has no row to train on; leave it out of --data");
      }
      rows.add(own);
    }
    return rows;
  }
}
