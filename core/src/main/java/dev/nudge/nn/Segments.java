package dev.nudge.nn;

import dev.nudge.kernel.Rows;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Maps the rows of a packed batch to sequences.
///
/// A pass computes the tokens of several sequences, one after the other, without padding (sequence
/// packing): sequence `i` has the rows from `start(i)` to `start(i) + length(i)`, at the positions
/// from `past(i)` on. Attention never crosses sequences, but a sequence may branch off an earlier
/// one, whose first `past(i)` tokens then precede its own. A row key identifies a row by its
/// sequence in the step and its position, so that dropout does not depend on micro-batches.
public final class Segments {
  private final int[] starts;
  private final int[] lengths;
  private final int[] pasts;
  private final Tensor positions; // (rows, 1) I32
  private final Tensor keys; // (rows, 1) I64
  private final @Nullable List<KvCache> caches;
  private final @Nullable Share share;
  private int[] adapters = new int[0]; // empty: no adapters
  private List<Part> parts = List.of();

  private Segments(
      int[] starts,
      int[] lengths,
      int[] pasts,
      Tensor positions,
      Tensor keys,
      @Nullable List<KvCache> caches,
      @Nullable Share share) {
    this.starts = starts;
    this.lengths = lengths;
    this.pasts = pasts;
    this.positions = positions;
    this.keys = keys;
    this.caches = caches;
    this.share = share;
  }

  /// Whole sequences of a training or scoring batch.
  ///
  /// @param lengths tokens of each sequence
  /// @param sequenceKeys an id for each sequence that does not depend on the micro-batches
  public static Segments of(int[] lengths, long[] sequenceKeys, Workspace ws) {
    return of(lengths, new int[lengths.length], sequenceKeys, ws);
  }

  /// Like the above; sequences may branch off others.
  ///
  /// @param lengths own tokens of each sequence
  /// @param pasts tokens that it shares with the trunk, the last earlier sequence that shares none;
  ///     its branches share equally many
  public static Segments of(int[] lengths, int[] pasts, long[] sequenceKeys, Workspace ws) {
    return make(lengths, pasts, sequenceKeys, null, null, ws);
  }

  /// New tokens of sequences, in prefill or decode, whose earlier tokens are in `caches`.
  public static Segments continuing(int[] lengths, List<KvCache> caches, Workspace ws) {
    int[] pasts = caches.stream().mapToInt(KvCache::length).toArray();
    return make(lengths, pasts, new long[lengths.length], caches, null, ws);
  }

  /// Rows of one position each, the last of their sequences, for an output head.
  public static Segments single(int rows, Workspace ws) {
    int[] ones = new int[rows];
    Arrays.fill(ones, 1);
    return make(ones, new int[rows], new long[rows], null, null, ws);
  }

  /// A lane's two pieces, early then late, of a sequence split over all lanes; a piece may be
  /// empty.
  ///
  /// @param key as in [#of]: dropout masks equal those of the whole sequence
  public static Segments of(Share share, long key, Workspace ws) {
    int[] pasts = new int[2];
    int[] lengths = new int[2];
    for (int part = 0; part < 2; part++) {
      pasts[part] = share.cut().from(share.lane(), part);
      lengths[part] = share.cut().to(share.lane(), part) - pasts[part];
    }
    return make(lengths, pasts, new long[] {key, key}, null, share, ws);
  }

  private static Segments make(
      int[] lengths,
      int[] pasts,
      long[] keys,
      @Nullable List<KvCache> caches,
      @Nullable Share share,
      Workspace ws) {
    int[] starts = new int[lengths.length];
    int rows = 0;
    for (int i = 0; i < lengths.length; i++) {
      starts[i] = rows;
      rows += lengths[i];
    }
    Tensor positions = ws.take(Dtype.I32, rows, 1);
    Tensor rowKeys = ws.take(Dtype.I64, rows, 1);
    for (int i = 0; i < lengths.length && !ws.dry(); i++) {
      for (int t = 0; t < lengths[i]; t++) {
        positions.put(starts[i] + t, pasts[i] + t);
        long key = keys[i] * 0x9E3779B97F4A7C15L + pasts[i] + t;
        rowKeys.data().set(java.lang.foreign.ValueLayout.JAVA_LONG, 8L * (starts[i] + t), key);
      }
    }
    return new Segments(starts, lengths, pasts, positions, rowKeys, caches, share);
  }

  /// Selects an adapter of a bank for each sequence (multi-LoRA).
  ///
  /// @param numbers one a sequence; −1: none
  public Segments through(int[] numbers) {
    if (numbers.length != lengths.length) {
      throw new IllegalArgumentException(
          "%d adapter numbers for %d sequences; give one for each sequence"
              .formatted(numbers.length, count()));
    }
    adapters = numbers.clone();
    return this;
  }

  /// Returns some rows' sequences, for linear layers in generation; positions and keys are invalid.
  ///
  /// @param picked row indices, ascending, (n, 1) I32
  Segments some(Tensor picked) {
    int[] rows = new int[count()];
    int[] through = new int[count()];
    int n = 0;
    int sequence = 0;
    for (int r = 0; r < picked.rows(); r++) {
      int before = sequence;
      while (Rows.int32(picked, r) >= starts[sequence] + lengths[sequence]) {
        sequence++;
      }
      if (r == 0 || sequence != before) {
        through[n++] = adapter(sequence);
      }
      rows[n - 1]++;
    }
    int[] begins = new int[n];
    for (int i = 1; i < n; i++) {
      begins[i] = begins[i - 1] + rows[i - 1];
    }
    int[] counts = Arrays.copyOf(rows, n);
    return new Segments(begins, counts, new int[n], positions, keys, null, null)
        .through(Arrays.copyOf(through, n));
  }

  /// The sequences of one adapter of a bank, adjacent in a pass that trains several.
  ///
  /// @param number of the adapter
  /// @param sequences how many
  /// @param dropout of its run
  public record Owner(int number, int sequences, Dropout dropout) {}

  /// The rows of one adapter.
  ///
  /// @param from first row
  /// @param to end row, exclusive
  /// @param rows the same sequences, with rows from 0
  public record Part(Owner owner, int from, int to, Segments rows) {}

  /// Divides all sequences among adapters that train together, in order.
  public Segments owned(List<Owner> owners) {
    List<Part> all = new ArrayList<>();
    int first = 0;
    for (Owner owner : owners) {
      int last = first + owner.sequences() - 1;
      int from = starts[first];
      int to = starts[last] + lengths[last];
      int[] own = Arrays.copyOfRange(lengths, first, last + 1);
      int[] begin = Arrays.stream(starts, first, last + 1).map(start -> start - from).toArray();
      Segments rows =
          new Segments(
              begin,
              own,
              Arrays.copyOfRange(pasts, first, last + 1),
              positions.rows(from, to),
              keys.rows(from, to),
              null,
              share);
      all.add(new Part(owner, from, to, rows));
      first = last + 1;
    }
    parts = List.copyOf(all);
    return this;
  }

  /// The rows of each adapter in a pass that trains several; else empty.
  public List<Part> parts() {
    return parts;
  }

  /// The adapter of a bank for sequence `i`; −1: none.
  public int adapter(int i) {
    return adapters.length == 0 ? -1 : adapters[i];
  }

  /// Number of sequences.
  public int count() {
    return lengths.length;
  }

  /// Number of tokens of all sequences.
  public int rows() {
    return lengths.length == 0 ? 0 : starts[lengths.length - 1] + lengths[lengths.length - 1];
  }

  public int start(int i) {
    return starts[i];
  }

  public int length(int i) {
    return lengths[i];
  }

  /// The rows of sequence `i` in a tensor of all rows.
  public Tensor part(Tensor all, int i) {
    return all.rows(starts[i], starts[i] + lengths[i]);
  }

  /// Number of tokens of sequence `i` before its first row.
  public int past(int i) {
    return pasts[i];
  }

  /// Returns the index after sequence `i` and its branches.
  public int behind(int i) {
    int next = i + 1;
    while (caches == null && share == null && next < pasts.length && pasts[next] > 0) {
      next++;
    }
    return next;
  }

  /// Position of each row in its sequence, (rows, 1) I32.
  public Tensor positions() {
    return positions;
  }

  /// A key for each row, (rows, 1) I64.
  public Tensor keys() {
    return keys;
  }

  /// The keys of some rows, (rows, 1) I64, in the workspace.
  public Tensor keys(int[] rows, Workspace ws) {
    Tensor picked = ws.take(Dtype.I64, rows.length, 1);
    for (int i = 0; i < rows.length && !ws.dry(); i++) {
      long key = keys.data().get(java.lang.foreign.ValueLayout.JAVA_LONG, 8L * rows[i]);
      picked.data().set(java.lang.foreign.ValueLayout.JAVA_LONG, 8L * i, key);
    }
    return picked;
  }

  /// The lane's part of one long sequence; null if sequences are whole.
  public @Nullable Share share() {
    return share;
  }

  /// Tokens of sequence `i` up to the last of its rows; if it is split over lanes, all its tokens.
  public int tokens(int i) {
    return share == null ? pasts[i] + lengths[i] : share.cut().tokens();
  }

  /// The KV cache of sequence `i`; null in training and scoring.
  public @Nullable KvCache cache(int i) {
    return caches == null ? null : caches.get(i);
  }
}
