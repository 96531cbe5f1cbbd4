package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// A pass that only measures skips blocks and heads; what it measures is what the whole pass takes.
class AttentionMemoryTest {
  private static final Attend.Shape HEADS = new Attend.Shape(4, 2, 2);

  /// Lengths around blocks of 64 queries, and around 2,048 keys, where blocks are of 32. The
  /// longest in bf16 alone, which takes what fp32 takes and copies in fp32.
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
    for (Dtype type : queries < 1000 ? List.of(Dtype.F32, Dtype.BF16) : List.of(Dtype.BF16)) {
      same(type, queries, past, true);
      same(type, queries, past, false);
    }
  }

  /// The same over keys in blocks; products are counted as those over keys in one piece.
  @ParameterizedTest
  @CsvSource({
    "1, 30, 0",
    "100, 30, 0",
    "64, 64, 0",
    "33, 2100, 0",
    "130, 2100, 0",
    "1, 2100, 90",
    "300, 70, 90"
  })
  void theDryPassOverBlocksTakesWhatTheRealOneTakes(int queries, int past, int window) {
    var heads = new Attend.Shape(4, 2, 2, 0.7, window, 0);
    for (Dtype type : new Dtype[] {Dtype.F32, Dtype.BF16}) {
      for (int size : new int[] {3, 16, 64}) {
        try (Scope scope = Scope.open("test");
            Workspace dry = Workspace.measuring();
            Workspace one = Workspace.measuring()) {
          Making none = (r, c) -> Tensor.dry(type, r, c);
          Making noSum = (r, c) -> Tensor.dry(type.accumulator(), r, c);
          forward(heads, queries, past, size, none, noSum, dry, Kernels.plain().dry());
          forward(heads, queries, past, past + queries, none, noSum, one, Kernels.plain().dry());
          assertThat(dry.operations()).isEqualTo(one.operations());
          try (Workspace ws = new Workspace(0, dry.peak(), Gemm.plain())) {
            Making real = (r, c) -> scope.tensor(type, r, c);
            Making sum = (r, c) -> scope.tensor(type.accumulator(), r, c);
            forward(heads, queries, past, size, real, sum, ws, Kernels.plain());
            assertThat(ws.peak()).as("%s, blocks of %d", type, size).isEqualTo(dry.peak());
          }
        }
      }
    }
  }

  /// @param size positions of a block
  private static void forward(
      Attend.Shape h,
      int m,
      int past,
      int size,
      Making make,
      Making acc,
      Workspace ws,
      Kernels kernels) {
    List<Tensor> blocks =
        IntStream.range(0, Math.ceilDiv(past + m, size))
            .mapToObj(i -> make.of(size, h.keyWidth()))
            .toList();
    KeyValues kv = new KeyValues(blocks, blocks, past + m);
    Tensor q = make.of(m, h.queryWidth());
    Tensor out = make.of(m, h.queryWidth());
    kernels.attend().forward(h, q, kv, out, acc.of(m * h.count(), 1), ws, kernels);
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
            Kernels.plain().dry());
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
    kernels.attend().forward(HEADS, q, KeyValues.of(k, v), out, lse, ws, kernels);
    if (forwardOnly) {
      return;
    }
    Tensor dOut = wide.apply(m);
    Tensor dq = wide.apply(m);
    kernels
        .attend()
        .backwardPart(
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
      kernels
          .attend()
          .backward(
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
          assertThat(new QueryBlocks(HEADS, past, 2300).start(end))
              .as("%d, %d", past, end)
              .isEqualTo(from);
        }
        from = next;
      }
    }
  }
}
