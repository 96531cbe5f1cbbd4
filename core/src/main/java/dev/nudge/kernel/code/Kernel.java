package dev.nudge.kernel.code;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The machine code of one weight format, for 1, 2 or 4 rows of x per call.
///
/// For one row of x the format chooses how many weight rows are computed together: one if
/// memory-bound (a single stream is fastest), four if compute-bound (they share each load of x).
/// For more rows of x the registers for sums limit the number of weight rows.
final class Kernel {
  /// Most rows of x at once.
  static final int MOST = 4;

  /// Writes code for `group` weight rows by `rows` rows of x.
  interface Maker {
    byte[] code(int group, int rows);
  }

  private final int alone;
  private final List<Code> many; // by log₂ of the rows
  private final List<Code> one; // weight row

  private Kernel(int alone, List<Code> many, List<Code> one) {
    this.alone = alone;
    this.many = many;
    this.one = one;
  }

  /// Empty if this process may have no executable memory.
  ///
  /// @param alone weight rows per group for one row of x
  static Optional<Kernel> of(Maker maker, int alone, Code.Memory memory) {
    List<Code> many = new ArrayList<>();
    List<Code> one = new ArrayList<>();
    for (int rows = 1; rows <= MOST; rows *= 2) {
      Optional<Code> wide = memory.of(maker.code(group(rows, alone), rows));
      Optional<Code> single = memory.of(maker.code(1, rows));
      if (wide.isEmpty() || single.isEmpty()) {
        return Optional.empty();
      }
      many.add(wide.get());
      one.add(single.get());
    }
    return Optional.of(new Kernel(alone, many, one));
  }

  /// Returns the next call's rows of x of `left` rows.
  static int rows(int left) {
    return left >= MOST ? MOST : Integer.highestOneBit(left);
  }

  /// Returns weight rows per group for `rows`.
  int group(int rows) {
    return group(rows, alone);
  }

  private static int group(int rows, int alone) {
    return rows == 1 ? alone : Frame.MOST_SUMS / rows;
  }

  /// Returns code for a multiple of [#group] weight rows.
  Code many(int rows) {
    return many.get(Integer.numberOfTrailingZeros(rows));
  }

  /// Returns code for any number of weight rows.
  Code one(int rows) {
    return one.get(Integer.numberOfTrailingZeros(rows));
  }
}
