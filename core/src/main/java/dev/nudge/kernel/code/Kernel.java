package dev.nudge.kernel.code;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// The machine code of one weight format for each number of rows of x that go through it at once:
/// 1, 2 or 4.
///
/// Beside one row of x a format says how many weight rows go together: where memory is the limit
/// one stream is read fastest, where arithmetic is, four rows share each vector of x. Beside more
/// rows of x there are as many weight rows as the registers have sums for.
final class Kernel {
  /// Most rows of x at once.
  static final int MOST = 4;

  /// Makes the machine code for some weight rows by some rows of x.
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
  /// @param alone weight rows at once beside one row of x
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

  /// Rows of x that the next call takes of those that are left.
  static int rows(int left) {
    return left >= MOST ? MOST : Integer.highestOneBit(left);
  }

  /// Weight rows at once beside so many rows of x.
  int group(int rows) {
    return group(rows, alone);
  }

  private static int group(int rows, int alone) {
    return rows == 1 ? alone : Frame.MOST_SUMS / rows;
  }

  /// The code that takes a multiple of [#group] weight rows.
  Code many(int rows) {
    return many.get(Integer.numberOfTrailingZeros(rows));
  }

  /// The code that takes any number of weight rows.
  Code one(int rows) {
    return one.get(Integer.numberOfTrailingZeros(rows));
  }
}
