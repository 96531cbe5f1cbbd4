package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A pass that only measures skips blocks and heads; what it measures is what the whole pass takes.
class AttentionMemoryTest {
  private static final CausalAttention.Shape HEADS = new CausalAttention.Shape(4, 2, 2);

  /// Lengths around blocks of 64 queries, and around 2,048 keys, where blocks are of 32.
  @ParameterizedTest
  @CsvSource({
    "1, 0",
    "63, 0",
    "64, 0",
    "65, 0",
    "200, 0",
    "2048, 0",
    "2049, 0",
    "2080, 0",
    "2200, 0",
    "1, 30",
    "100, 30",
    "100, 1990",
    "50, 2040",
    "33, 2100",
    "64, 2048",
    "130, 2100"
  })
  void theDryPassTakesWhatTheRealOneTakes(int queries, int past) {
    for (Dtype type : new Dtype[] {Dtype.F32, Dtype.BF16}) {
      same(type, queries, past, true);
      same(type, queries, past, false);
    }
  }

  private static void same(Dtype type, int queries, int past, boolean forwardOnly) {
    try (Scope scope = Scope.open("test")) {
      long dry;
      try (Workspace ws = Workspace.measuring()) {
        run(
            queries,
            past,
            forwardOnly,
            (r, c) -> Tensor.dry(type, r, c),
            (r, c) -> Tensor.dry(type.accumulator(), r, c),
            ws,
            Kernels.dry());
        dry = ws.peak();
      }
      try (Workspace ws = new Workspace(0, dry, Gemm.plain())) {
        run(
            queries,
            past,
            forwardOnly,
            (r, c) -> scope.tensor(type, r, c),
            (r, c) -> scope.tensor(type.accumulator(), r, c),
            ws,
            Kernels.plain());
        assertThat(ws.peak()).as("%s", type).isEqualTo(dry);
      }
    }
  }

  private interface Making {
    Tensor of(int rows, int cols);
  }

  private static void run(
      int m,
      int past,
      boolean forwardOnly,
      Making make,
      Making acc,
      Workspace ws,
      Kernels kernels) {
    int n = past + m;
    Function<Integer, Tensor> wide = rows -> make.of(rows, HEADS.queryWidth());
    Function<Integer, Tensor> narrow = rows -> make.of(rows, HEADS.keyWidth());
    Tensor q = wide.apply(m);
    Tensor k = narrow.apply(n);
    Tensor v = narrow.apply(n);
    Tensor out = wide.apply(m);
    Tensor lse = acc.of(m * HEADS.count(), 1);
    CausalAttention.forward(HEADS, q, k, v, out, lse, ws, kernels);
    if (forwardOnly) {
      return;
    }
    Tensor dOut = wide.apply(m);
    Tensor dq = wide.apply(m);
    CausalAttention.backwardPart(
        HEADS,
        q,
        k,
        v,
        out,
        lse,
        dOut,
        dq,
        acc.of(HEADS.keyCount() * n, HEADS.dim()),
        acc.of(HEADS.keyCount() * n, HEADS.dim()),
        false,
        ws,
        kernels);
    if (past == 0) {
      CausalAttention.backward(
          HEADS, q, k, v, out, lse, dOut, dq, narrow.apply(n), narrow.apply(n), ws, kernels);
    }
  }

  /// The start of a block is the one that the forward pass comes to.
  @Test
  void theStartOfABlockIsThatOfTheForwardPass() {
    for (int past : new int[] {0, 1, 63, 64, 1000, 1984, 1985, 2047, 2048, 5000}) {
      for (int from = 0; from < 2300; ) {
        int next = from + (past + from + 64 > 2048 ? 32 : 64);
        for (int end = from + 1; end <= next; end++) {
          assertThat(CausalAttention.blockStart(HEADS, past, end))
              .as("%d, %d", past, end)
              .isEqualTo(from);
        }
        from = next;
      }
    }
  }
}
