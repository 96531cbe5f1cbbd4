package dev.nudge.tensor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Seeds;
import dev.nudge.machine.Backend;
import dev.nudge.settings.verb.Compute;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Work that a team shares: the same bits whatever the number of threads.
class SharedProductsTest {
  @ParameterizedTest
  @EnumSource(
      value = Compute.class,
      names = {"BF16", "FP32"})
  void aProductHasTheSameBitsWithEveryNumberOfThreads(Compute compute) {
    Backend backend = Backends.orSkip(compute);
    Random random = new Random(Seeds.next());
    // widths that are cut in blocks of columns, in one block, not at all; inner sizes with a rest
    for (int[] size : new int[][] {{192, 192}, {96, 1024}, {416, 128}, {70, 128}, {64, 100}}) {
      for (int rows : new int[] {1, 63, 300, 600}) {
        List<byte[]> bits = new ArrayList<>();
        long seed = random.nextLong();
        bits.add(product(backend, size, rows, seed, null));
        for (int threads = 1; threads <= 3; threads++) {
          try (Team team = new Team(threads)) {
            bits.add(product(backend, size, rows, seed, team));
          }
        }
        for (byte[] shared : bits) {
          assertThat(shared)
              .as("%d rows, %s", rows, Arrays.toString(size))
              .isEqualTo(bits.getFirst());
        }
      }
    }
  }

  /// The packed factor, a product with it, and that product added to.
  private static byte[] product(
      Backend backend, int[] size, int rows, long seed, @Nullable Team team) {
    Random random = new Random(seed);
    Dtype type = backend.compute();
    Gemm gemm = backend.gemms().apply(1);
    try (Scope scope = Scope.open("test");
        Workspace ws =
            team == null ? new Workspace(0, 1 << 20, gemm) : new Workspace(1 << 20, gemm, team)) {
      Tensor a = filled(scope.tensor(type, rows, size[0]), random);
      Tensor weight = filled(scope.tensor(type, size[1], size[0]), random);
      Tensor c = scope.tensor(type, rows, size[1]);
      Packed packed = ws.pack(weight.transposed());
      ws.gemm().multiply(a, packed, c, false);
      ws.gemm().multiply(a, packed, c, true);
      assertThat(c.get(0, 0)).isNotZero();
      return c.data().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  private static Tensor filled(Tensor t, Random random) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, random.nextFloat() - 0.5);
    }
    return t;
  }

  @Test
  void rangesCoverEachRowOnceAndSmallOperationsAreOneRange() {
    try (Team team = new Team(3);
        Workspace ws = new Workspace(1 << 10, Gemm.plain(), team)) {
      AtomicIntegerArray times = new AtomicIntegerArray(1000);
      List<Integer> starts = Collections.synchronizedList(new ArrayList<>());
      ws.rows(
          1000,
          1000,
          (from, to) -> {
            starts.add(from);
            for (int i = from; i < to; i++) {
              times.incrementAndGet(i);
            }
          });
      assertThat(starts).hasSize(12);
      for (int i = 0; i < 1000; i++) {
        assertThat(times.get(i)).isOne();
      }
      starts.clear();
      ws.rows(16, 1000, (from, to) -> starts.add(to - from));
      assertThat(starts).containsExactly(16);
    }
  }

  @Test
  void piecesHaveWorkspacesOfTheirOwnAsFarAsThereIsMemory() {
    for (int room : new int[] {1, 2, 3, 5}) {
      try (Team team = new Team(3);
          Workspace ws = new Workspace(room * 128L, Gemm.plain(), team)) {
        AtomicIntegerArray times = new AtomicIntegerArray(50);
        ws.each(
            50,
            128,
            (piece, own) -> {
              Tensor mine = own.take(Dtype.F32, 1, 32);
              mine.set(0, 0, piece);
              times.incrementAndGet(piece);
              assertThat(mine.get(0, 0)).isEqualTo(piece);
            });
        for (int i = 0; i < 50; i++) {
          assertThat(times.get(i)).isOne();
        }
        assertThat(ws.peak()).isEqualTo(128L * Math.min(3, room));
        assertThat(ws.mark()).isZero();
      }
    }
  }
}
