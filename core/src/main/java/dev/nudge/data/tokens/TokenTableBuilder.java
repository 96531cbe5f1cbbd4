package dev.nudge.data.tokens;

import dev.nudge.data.rows.SourceLine;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Builds a [TokenTable]: token ids go to a sink or stay in memory; the rest, an eighth of them or
/// less, stays in memory until the end.
///
/// Threading: one thread.
public final class TokenTableBuilder {
  private final @Nullable Consumer<int[]> sink;
  private final Map<Path, Integer> files = new HashMap<>();
  private final List<Path> names = new ArrayList<>();
  private int[] ids = {}; // none if there is a sink
  private long[] trained = {};
  private long[] offsets = {0};
  private int[] sources = {};
  private long[] weights = {};
  private int runs; // of weights
  private long[] values = {}; // bits of doubles
  private int size;

  /// @param sink receives all token ids; null: they stay in memory
  public TokenTableBuilder(@Nullable Consumer<int[]> sink) {
    this.sink = sink;
  }

  /// Adds a sequence of a row.
  public void add(Sequence sequence, SourceLine source) {
    long from = offsets[size];
    long to = from + sequence.length();
    if (sink != null) {
      sink.accept(sequence.ids());
    } else {
      ids = room(ids, Math.toIntExact(to));
      System.arraycopy(sequence.ids(), 0, ids, (int) from, sequence.length());
    }
    trained = room(trained, words(to));
    BitSet marks = sequence.trained();
    double[] weighed = sequence.weights();
    for (int place = marks.nextSetBit(0);
        place >= 0 && place < sequence.length();
        place = marks.nextSetBit(place + 1)) {
      trained[(int) (from + place >> 6)] |= 1L << from + place;
      if (weighed != null && weighed[place] != 1) {
        weigh(from + place, weighed[place]);
      }
    }
    int at = TokenTable.SOURCE * size;
    sources = room(sources, at + TokenTable.SOURCE);
    sources[at] = source.index();
    sources[at + 1] = files.computeIfAbsent(source.file(), this::named);
    sources[at + 2] = source.number();
    values = room(values, size + 1);
    values[size] = Double.doubleToRawLongBits(sequence.value());
    size++;
    offsets = room(offsets, size + 1);
    offsets[size] = to;
  }

  /// Adds the weight of a trained token, which comes behind all that have one.
  private void weigh(long token, double weight) {
    long bits = Double.doubleToLongBits(weight);
    int next = TokenTable.RUN * runs;
    if (runs > 0 && weights[next - 2] == token && weights[next - 1] == bits) {
      weights[next - 2]++;
      return;
    }
    weights = room(weights, next + TokenTable.RUN);
    weights[next] = token;
    weights[next + 1] = token + 1;
    weights[next + 2] = bits;
    runs++;
  }

  private int named(Path file) {
    names.add(file);
    return names.size() - 1;
  }

  private static int words(long tokens) {
    return Math.toIntExact((tokens + 63) >> 6);
  }

  private static long[] room(long[] words, int needed) {
    return needed <= words.length ? words : Arrays.copyOf(words, more(words.length, needed));
  }

  private static int[] room(int[] numbers, int needed) {
    return needed <= numbers.length
        ? numbers
        : Arrays.copyOf(numbers, more(numbers.length, needed));
  }

  /// Half as much again; of the first sequence just what it needs.
  private static int more(int length, int needed) {
    return Math.max(needed, length + (length >> 1));
  }

  public long tokens() {
    return offsets[size];
  }

  public List<Path> files() {
    return names;
  }

  /// The parts of the table in their order; without a sink all of them, else the ids are empty.
  public List<MemorySegment> parts() {
    return List.of(
        MemorySegment.ofArray(ids).asSlice(0, sink == null ? tokens() * Integer.BYTES : 0),
        part(trained, words(tokens())),
        part(offsets, size + 1),
        MemorySegment.ofArray(sources).asSlice(0, (long) TokenTable.SOURCE * size * Integer.BYTES),
        part(weights, TokenTable.RUN * runs),
        part(values, size));
  }

  private static MemorySegment part(long[] words, int count) {
    return MemorySegment.ofArray(words).asSlice(0, (long) count * Long.BYTES);
  }

  /// The table of what was added, in memory.
  public TokenTable table() {
    ids = Arrays.copyOf(ids, Math.toIntExact(tokens()));
    return new TokenTable(parts(), names);
  }
}
