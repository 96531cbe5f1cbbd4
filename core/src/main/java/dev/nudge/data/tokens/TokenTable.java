package dev.nudge.data.tokens;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.List;
import java.util.RandomAccess;

/// The tokens of many sequences, one after the other, in memory or in a mapped file.
///
/// An [Example] is a sequence's place in it, so a million of them are a few numbers each. Its
/// parts,
/// in this order and in the machine's order of bytes:
///
/// ```
///   ids       int32, all tokens
///   trained   bits, one a token, in words of 64
///   offsets   int64, where each sequence begins, and the end of the last
///   sources   int32, three a sequence: its row, its file in `files`, its line
///   weights   of trained tokens where they are not 1, as runs of adjacent tokens: int64 first
///             token, int64 behind the last, float64 weight; most data has none
///   values    float64, one a sequence: a number of its row, such as a label
/// ```
///
/// Threading: any number of threads; nothing changes.
public final class TokenTable {
  static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  static final int SOURCE = 3; // numbers of one
  static final int RUN = 3; // words of a run of weights

  /// Number of parts.
  public static final int PARTS = 6;

  private final MemorySegment ids;
  private final MemorySegment trained;
  private final MemorySegment offsets;
  private final MemorySegment sources;
  private final MemorySegment weights;
  private final MemorySegment values;
  private final List<Path> files;
  private final int size;
  private final int runs;

  /// @param parts in their order
  public TokenTable(List<MemorySegment> parts, List<Path> files) {
    this.ids = parts.get(0);
    this.trained = parts.get(1);
    this.offsets = parts.get(2);
    this.sources = parts.get(3);
    this.weights = parts.get(4);
    this.values = parts.get(5);
    this.files = List.copyOf(files);
    this.size = (int) (offsets.byteSize() / Long.BYTES) - 1;
    this.runs = (int) (weights.byteSize() / (RUN * Long.BYTES));
  }

  /// The sequences, made when they are asked for.
  public List<Example> examples() {
    return new Examples();
  }

  private final class Examples extends AbstractList<Example> implements RandomAccess {
    @Override
    public Example get(int row) {
      if (row < 0 || row >= size) {
        throw new IndexOutOfBoundsException("sequence " + row + " of " + size);
      }
      return new Example(TokenTable.this, row);
    }

    @Override
    public int size() {
      return size;
    }
  }

  private long start(int row) {
    return offsets.getAtIndex(LONG, row);
  }

  int length(int row) {
    return (int) (start(row + 1) - start(row));
  }

  int id(int row, int place) {
    return ids.getAtIndex(INT, start(row) + checked(row, place));
  }

  int[] ids(int row) {
    int[] copy = new int[length(row)];
    MemorySegment.copy(ids, INT, start(row) * Integer.BYTES, copy, 0, copy.length);
    return copy;
  }

  boolean trained(int row, int place) {
    long at = start(row) + checked(row, place);
    return (trained.getAtIndex(LONG, at >> 6) >>> at & 1) == 1;
  }

  double weight(int row, int place) {
    if (!trained(row, place)) {
      return 0;
    }
    long token = start(row) + place;
    int low = 0; // becomes the first run that ends behind the token
    for (int high = runs; low < high; ) {
      int middle = (low + high) >>> 1;
      if (ofRun(middle, 1) <= token) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < runs && ofRun(low, 0) <= token ? Double.longBitsToDouble(ofRun(low, 2)) : 1;
  }

  private long ofRun(int run, int word) {
    return weights.getAtIndex(LONG, (long) RUN * run + word);
  }

  /// The number that its row gives a sequence.
  double value(int row) {
    return Double.longBitsToDouble(values.getAtIndex(LONG, row));
  }

  private int checked(int row, int place) {
    int length = length(row);
    if (place < 0 || place >= length) {
      throw new IndexOutOfBoundsException("token " + place + " of " + length);
    }
    return place;
  }

  int trainedTokens(int row) {
    long from = start(row);
    long to = start(row + 1);
    int count = 0;
    for (long word = from >> 6; word << 6 < to; word++) {
      long bits = trained.getAtIndex(LONG, word);
      bits &= word << 6 < from ? -1L << from : -1L;
      bits &= (word + 1) << 6 > to ? -1L >>> -to : -1L;
      count += Long.bitCount(bits);
    }
    return count;
  }

  /// The number of its row among all.
  int index(int row) {
    return sources.getAtIndex(INT, (long) SOURCE * row);
  }

  Path file(int row) {
    return files.get(sources.getAtIndex(INT, (long) SOURCE * row + 1));
  }

  int line(int row) {
    return sources.getAtIndex(INT, (long) SOURCE * row + 2);
  }
}
