package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.settings.verb.Compute;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Compare attention over keys in blocks with attention over keys in one piece, computed in double.
///
/// Whatever no query may see is NaN: what lies behind the last position, and before the window of
/// the first query. Bounds are those of [ProductParityTest], against Σ P·|v| of the row; in double
/// the sums are taken in another order, some units in the last place.
class KeyValuesTest {
  private static final int[] BLOCKS = {1, 3, 16, 64};

  private final long seed = Seeds.next();
  private final Random random = new Random(seed);

  /// One sequence.
  ///
  /// @param m new tokens
  /// @param n tokens in all
  private record Case(int m, int n, int group, int window, double cap) {}

  private static final List<Case> CASES =
      List.of(
          new Case(1, 1, 1, 0, 0),
          new Case(1, 16, 2, 0, 0),
          new Case(1, 50, 1, 0, 0),
          new Case(1, 129, 3, 0, 0),
          new Case(5, 9, 3, 0, 0),
          new Case(37, 37, 2, 0, 0),
          new Case(70, 150, 1, 0, 0),
          new Case(130, 200, 2, 0, 0),
          new Case(1, 200, 2, 20, 0),
          new Case(1, 128, 1, 64, 0),
          new Case(90, 200, 2, 33, 0),
          new Case(1, 77, 2, 0, 1.5),
          new Case(66, 100, 2, 7, 0.7));

  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void blocksGiveWhatOnePieceGives(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    compare(backend, compute == Compute.FP32 ? 1e-6 : 0x1p-7);
  }

  @Test
  void blocksGiveWhatOnePieceGivesInDouble() {
    compare(Backend.plain(Dtype.F64), 1e-13);
  }

  private void compare(Backend backend, double bound) {
    Dtype c = backend.compute();
    double worst = 0;
    for (Case one : CASES) {
      int heads = 1 + random.nextInt(2);
      int dim = 2 * (1 + random.nextInt(20));
      double scale = 0.5 / Math.sqrt(dim);
      var h = new Attend.Shape(heads * one.group, heads, dim, scale, one.window, one.cap);
      try (Scope scope = Scope.open("test");
          Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1));
          Workspace plain = new Workspace(0, 8 << 20, Gemm.plain())) {
        Tensor q = draw(scope, c, one.m, h.queryWidth());
        Tensor k = draw(scope, c, one.n, h.keyWidth());
        Tensor v = draw(scope, c, one.n, h.keyWidth());
        KeyValues doubles = KeyValues.of(wide(scope, k, false), wide(scope, v, false));
        KeyValues sizes = KeyValues.of(doubles.keys().getFirst(), wide(scope, v, true));
        Tensor wideQ = wide(scope, q, false);
        Tensor exact = attend(h, wideQ, doubles, scope, plain, Kernels.plain());
        Tensor terms = attend(h, wideQ, sizes, scope, plain, Kernels.plain());
        for (int size : BLOCKS) {
          KeyValues kv = blocks(scope, h, k, v, size, one.m);
          Tensor got = attend(h, q, kv, scope, ws, backend.kernels());
          for (int r = 0; r < got.rows(); r++) {
            double largest = 0;
            double off = 0;
            for (int i = 0; i < got.cols(); i++) {
              largest = Math.max(largest, terms.get(r, i));
              off = Math.max(off, Math.abs(got.get(r, i) - exact.get(r, i)));
              assertThat(got.get(r, i)).as("%s, blocks of %d", one, size).isFinite();
            }
            worst = Math.max(worst, off / largest);
          }
        }
      }
    }
    System.out.printf("%s: keys in blocks within %.1e%n", c, worst);
    assertThat(worst).isLessThan(bound);
  }

  /// A cache of one block is larger than what it holds.
  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"FP32", "BF16"})
  void oneBlockGivesTheBitsOfOnePiece(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    for (Case one : CASES) {
      var h = new Attend.Shape(2 * one.group, 2, 16, 0.2, one.window, one.cap);
      try (Scope scope = Scope.open("test");
          Workspace ws = new Workspace(0, 8 << 20, backend.gemms().apply(1))) {
        Tensor q = draw(scope, backend.compute(), one.m, h.queryWidth());
        Tensor k = draw(scope, backend.compute(), one.n, h.keyWidth());
        Tensor v = draw(scope, backend.compute(), one.n, h.keyWidth());
        KeyValues block = blocks(scope, h, k, v, one.n + 3, one.m);
        Tensor whole = attend(h, q, KeyValues.of(k, v), scope, ws, backend.kernels());
        Tensor got = attend(h, q, block, scope, ws, backend.kernels());
        assertThat(got.data().mismatch(whole.data())).as("%s", one).isEqualTo(-1);
      }
    }
  }

  @Test
  void positionsHaveToFillAllBlocksButTheLast() {
    Tensor block = Tensor.dry(Dtype.F32, 4, 2);
    List<Tensor> two = List.of(block, block);
    assertThat(new KeyValues(two, two, 5).pieces(3, 5)).hasSize(2);
    for (int rows : new int[] {3, 9}) {
      assertThatThrownBy(() -> new KeyValues(two, two, rows))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(rows + " positions in 2 blocks of F32[4, 2]");
    }
  }

  private static Tensor attend(
      Attend.Shape h, Tensor q, KeyValues kv, Scope scope, Workspace ws, Kernels kernels) {
    Tensor out = scope.tensor(q.dtype(), q.rows(), h.queryWidth());
    Tensor lse = scope.tensor(q.dtype().accumulator(), (long) q.rows() * h.count(), 1);
    kernels.attend().forward(h, q, kv, out, lse, ws, kernels);
    return out;
  }

  /// Keys and values in blocks, with NaN wherever the last m tokens see nothing.
  private static KeyValues blocks(
      Scope scope, Attend.Shape h, Tensor k, Tensor v, int size, int m) {
    int n = k.rows();
    int first = h.first(n - m);
    List<Tensor> keys = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    for (int start = 0; start < n; start += size) {
      keys.add(scope.tensor(k.dtype(), size, k.cols()));
      values.add(scope.tensor(k.dtype(), size, k.cols()));
      for (int r = 0; r < size; r++) {
        for (int i = 0; i < k.cols(); i++) {
          boolean seen = start + r >= first && start + r < n;
          keys.getLast().set(r, i, seen ? k.get(start + r, i) : Double.NaN);
          values.getLast().set(r, i, seen ? v.get(start + r, i) : Double.NaN);
        }
      }
    }
    return new KeyValues(keys, values, n);
  }

  private Tensor draw(Scope scope, Dtype dtype, int rows, int cols) {
    Tensor t = scope.tensor(dtype, rows, cols);
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextGaussian());
    }
    return t;
  }

  private static Tensor wide(Scope scope, Tensor t, boolean sizes) {
    Tensor w = scope.tensor(Dtype.F64, t.shape());
    for (long i = 0; i < t.elements(); i++) {
      w.put(i, sizes ? Math.abs(t.at(i)) : t.at(i));
    }
    return w;
  }
}
