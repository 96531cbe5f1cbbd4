package dev.nudge.nn.layer;

import dev.nudge.kernel.Rope;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// The cosine and sine tables of rotary position embedding (RoPE), for positions from 0.
///
/// Angles are products of floats, so that long positions agree with transformers; in F64 they are
/// products of doubles. Some checkpoints scale RoPE differently for long sequences ([Turns]:
/// dynamic NTK, LongRoPE); each sequence of a batch uses its own length.
///
/// Threading: a pass calls [#reserve] before it reads; passes may run in parallel, so outgrown
/// tables stay valid until [#close] for passes that still read them.
public final class Rotary implements AutoCloseable {
  /// RoPE scaling: the frequencies of the rotated pairs, by sequence length.
  public interface Turns {
    /// Radians per position of each rotated pair, in a sequence of `tokens` tokens.
    double[] frequencies(int tokens);

    /// The longest sequence that uses the frequencies of short ones.
    default int border() {
      return Integer.MAX_VALUE;
    }

    /// Returns whether all longer sequences share their frequencies.
    default boolean alikeAbove() {
      return true;
    }

    /// The factor of cosines and sines at a position (attention factor).
    default double factor(int position) {
      return 1;
    }
  }

  /// @param above tables above the border; null if each sequence has its own or there is no border
  private record Tables(Tensor cos, Tensor sin, @Nullable Tables above) {}

  private final Turns turns;
  private final Dtype dtype;
  private final Rope.Pairing pairing;
  private @Nullable Scope scope;
  private volatile Tables tables;

  /// @param compute the compute type; the tables are in its accumulator type
  public Rotary(Turns turns, Rope.Pairing pairing, Dtype compute) {
    this.turns = turns;
    this.pairing = pairing;
    this.dtype = compute.accumulator();
    int pairs = turns.frequencies(1).length;
    this.tables = new Tables(Tensor.dry(dtype, 0, pairs), Tensor.dry(dtype, 0, pairs), null);
  }

  /// Grows the tables to `positions`: exactly at first, later to at least twice the old size, so
  /// that all tables together need at most twice the last.
  public synchronized void reserve(int positions) {
    int rows = tables.cos.rows();
    if (positions <= rows) {
      return;
    }
    int all = Math.max(positions, Math.multiplyExact(2, rows));
    boolean two = all > turns.border() && turns.alikeAbove();
    Tables above = two ? made(turns.frequencies(all), all, null) : null;
    tables = made(turns.frequencies(1), all, above);
  }

  private Tables made(double[] frequencies, int positions, @Nullable Tables above) {
    if (scope == null) {
      scope = Scope.open("rotary");
    }
    Tensor cos = scope.tensor(dtype, positions, frequencies.length);
    Tensor sin = scope.tensor(dtype, positions, frequencies.length);
    fill(frequencies, cos, sin);
    return new Tables(cos, sin, above);
  }

  private void fill(double[] frequencies, Tensor cos, Tensor sin) {
    for (int p = 0; p < cos.rows(); p++) {
      double factor = turns.factor(p);
      for (int i = 0; i < frequencies.length; i++) {
        double angle = dtype == Dtype.F32 ? (float) p * (float) frequencies[i] : p * frequencies[i];
        cos.set(p, i, factor * Math.cos(angle));
        sin.set(p, i, factor * Math.sin(angle));
      }
    }
  }

  /// Rotates x (rows, heads · headDim) in place, or back if `inverse`.
  void apply(Tensor x, int headDim, boolean inverse, Pass p) {
    Segments rows = p.rows();
    if (turns.border() == Integer.MAX_VALUE) {
      apply(x, rows.positions(), tables, headDim, inverse, p);
      return;
    }
    for (int i = 0; i < rows.count(); i++) {
      int from = rows.start(i);
      int to = from + rows.length(i);
      int mark = p.ws().mark();
      Tables own = tables(rows.tokens(i), p);
      apply(x.rows(from, to), rows.positions().rows(from, to), own, headDim, inverse, p);
      p.ws().release(mark);
    }
  }

  private void apply(Tensor x, Tensor positions, Tables t, int headDim, boolean inverse, Pass p) {
    p.ws()
        .rows(
            x.rows(),
            x.cols(),
            (from, to) ->
                p.kernels()
                    .rope()
                    .apply(
                        x.rows(from, to),
                        positions.rows(from, to),
                        t.cos,
                        t.sin,
                        headDim,
                        pairing,
                        inverse));
  }

  /// Returns a sequence's tables; for frequencies of its own they are in the workspace.
  private Tables tables(int tokens, Pass p) {
    Tables t = tables;
    if (tokens <= turns.border()) {
      return t;
    }
    if (turns.alikeAbove()) {
      return t.above == null ? t : t.above; // a dry run has none
    }
    int pairs = t.cos.cols();
    Tables own = new Tables(take(tokens, pairs, p), take(tokens, pairs, p), null);
    if (!p.ws().dry()) {
      fill(turns.frequencies(tokens), own.cos, own.sin);
    }
    return own;
  }

  private Tensor take(int tokens, int pairs, Pass p) {
    return p.ws().take(dtype, tokens, pairs);
  }

  /// Returns constant frequencies.
  public static Turns constant(double[] frequencies) {
    double[] own = frequencies.clone();
    return tokens -> own;
  }

  /// Bytes of the tables for this number of positions.
  public static long bytes(Turns turns, int positions, Dtype compute) {
    int tables = turns.alikeAbove() && positions > turns.border() ? 4 : 2;
    int pairs = turns.frequencies(1).length;
    return (long) tables * positions * pairs * compute.accumulator().bytes();
  }

  @Override
  public void close() {
    if (scope != null) {
      scope.close();
    }
  }
}
