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
import org.jspecify.annotations.Nullable;

/// Builds a [TokenTable]: tokens go to a [Sink], the rest, an eighth of it or less, stays in memory
/// until the end.
///
/// Threading: one thread.
public final class TokenTableBuilder {

  /// Where token ids go.
  public interface Sink {
    void add(int[] ids);
  }

  private final Sink sink;
  private final Map<Path, Integer> files = new HashMap<>();
  private final List<Path> names = new ArrayList<>();
  private long[] trained = new long[64];
  private long[] offsets = new long[64];
  private final Weights.Builder weights = new Weights.Builder();
  private int[] sources = new int[64 * TokenTable.SOURCE];
  private long[] values = new long[64]; // bits of doubles
  private int size;

  public TokenTableBuilder(Sink sink) {
    this.sink = sink;
  }

  /// The table of one sequence.
  ///
  /// @param weights of its tokens; null: trained ones weigh 1
  static TokenTable one(
      int[] ids, BitSet trained, double @Nullable [] weights, double value, SourceLine source) {
    Weights.Builder runs = new Weights.Builder();
    for (int i = 0; weights != null && i < ids.length; i++) {
      if (trained.get(i) && weights[i] != 1) {
        runs.add(i, weights[i]);
      }
    }
    long[] words = Arrays.copyOf(trained.get(0, ids.length).toLongArray(), words(ids.length));
    return new TokenTable(
        little(ids.clone()),
        little(words),
        little(new long[] {0, ids.length}),
        little(new int[] {source.index(), 0, source.number()}),
        new Weights(little(runs.words())),
        little(new long[] {Double.doubleToRawLongBits(value)}),
        List.of(source.file()));
  }

  public void add(Example example) {
    int[] ids = example.ids();
    long from = offsets[size];
    if (size + 1 == offsets.length) {
      offsets = Arrays.copyOf(offsets, 2 * offsets.length);
      values = Arrays.copyOf(values, 2 * values.length);
      sources = Arrays.copyOf(sources, 2 * sources.length);
    }
    offsets[size + 1] = from + ids.length;
    int words = words(from + ids.length);
    if (words > trained.length) {
      trained = Arrays.copyOf(trained, Math.max(words, trained.length + (trained.length >> 1)));
    }
    for (int place = 0; place < ids.length; place++) {
      if (example.trained(place)) {
        trained[(int) (from + place >> 6)] |= 1L << from + place;
        double weight = example.weight(place);
        if (weight != 1) {
          weights.add(from + place, weight);
        }
      }
    }
    int at = TokenTable.SOURCE * size;
    sources[at] = example.index();
    sources[at + 1] = files.computeIfAbsent(example.file(), this::named);
    sources[at + 2] = example.line();
    values[size] = Double.doubleToRawLongBits(example.value());
    sink.add(ids);
    size++;
  }

  private int named(Path file) {
    names.add(file);
    return names.size() - 1;
  }

  private static int words(long tokens) {
    return Math.toIntExact((tokens + 63) >> 6);
  }

  public int size() {
    return size;
  }

  public long tokens() {
    return offsets[size];
  }

  public List<Path> files() {
    return names;
  }

  public MemorySegment trained() {
    return little(Arrays.copyOf(trained, words(tokens())));
  }

  public MemorySegment offsets() {
    return little(Arrays.copyOf(offsets, size + 1));
  }

  public MemorySegment sources() {
    return little(Arrays.copyOf(sources, TokenTable.SOURCE * size));
  }

  public MemorySegment values() {
    return little(Arrays.copyOf(values, size));
  }

  public int weightRuns() {
    return weights.count();
  }

  public MemorySegment weights() {
    return little(weights.words());
  }

  /// The table of what was collected.
  ///
  /// @param ids all that went to the sink
  public TokenTable table(MemorySegment ids) {
    return new TokenTable(
        ids, trained(), offsets(), sources(), new Weights(weights()), values(), names);
  }

  /// Words in the order of bytes that tables have.
  private static MemorySegment little(long[] words) {
    MemorySegment segment = MemorySegment.ofArray(words);
    for (int i = 0; i < words.length; i++) {
      segment.setAtIndex(TokenTable.LONG, i, words[i]); // a copy onto itself on most machines
    }
    return segment;
  }

  private static MemorySegment little(int[] numbers) {
    MemorySegment segment = MemorySegment.ofArray(numbers);
    for (int i = 0; i < numbers.length; i++) {
      segment.setAtIndex(TokenTable.INT, i, numbers[i]);
    }
    return segment;
  }

  /// Keeps tokens in memory.
  public static final class InMemory implements Sink {
    private int[] ids = new int[1024];
    private int count;

    @Override
    public void add(int[] more) {
      int needed = Math.addExact(count, more.length);
      if (needed > ids.length) {
        ids = Arrays.copyOf(ids, Math.max(needed, (int) Math.min(1.5 * ids.length, 1 << 30)));
      }
      System.arraycopy(more, 0, ids, count, more.length);
      count = needed;
    }

    public MemorySegment ids() {
      ids = Arrays.copyOf(ids, count);
      return little(ids);
    }
  }
}
