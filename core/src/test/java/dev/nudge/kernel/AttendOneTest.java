package dev.nudge.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.Seeds;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Attention of one query against sums in double; any blocks of keys give the same bits.
class AttendOneTest {
  private static final Attend.Shape WINDOWED = new Attend.Shape(8, 2, 80, 0.1, 140, 0);

  private final AttendOne fast = Kernels.fastest().attendOne();
  private final AttendOne plain = new AttendOne.Plain();
  private final Random random = new Random(Seeds.next());
  private final Team team = new Team(2);

  @AfterEach
  void close() {
    team.close();
  }

  @Test
  void equalsSumsInDouble() {
    Attend.Shape[] shapes = {
      new Attend.Shape(3, 1, 64),
      new Attend.Shape(4, 4, 16),
      new Attend.Shape(14, 2, 128),
      new Attend.Shape(8, 2, 80, 0.1, 9, 0),
      new Attend.Shape(4, 2, 6, 1, 0, 5),
      new Attend.Shape(5, 1, 34, 0.3, 40, 30),
      new Attend.Shape(2, 1, 7),
      WINDOWED,
    };
    for (Attend.Shape h : shapes) {
      for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16)) {
        for (int n : new int[] {1, 2, 17, 64, 128, 130, 389}) {
          check(h, dtype, n);
        }
      }
    }
  }

  @Test
  void aLongContextHasLongerParts() {
    for (Attend.Shape h :
        List.of(new Attend.Shape(4, 2, 32), new Attend.Shape(4, 2, 32, 0.2, 9000, 0))) {
      check(h, Dtype.BF16, 128 * 64);
      check(h, Dtype.BF16, 3 * 128 * 64 + 5);
    }
  }

  @Test
  void queriesBesideEachOtherHaveTheBitsThatTheyHaveAlone() {
    int[] lengths = {1, 300, 128, 65, 513, 6000, 7000}; // more than is in memory together
    for (Attend.Shape h :
        List.of(
            new Attend.Shape(9, 3, 64),
            new Attend.Shape(32, 8, 64),
            new Attend.Shape(4, 4, 16),
            WINDOWED)) {
      for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16)) {
        try (Scope scope = Scope.open("test");
            Team alone = new Team(1)) {
          Tensor q = noise(scope.tensor(dtype, lengths.length, h.queryWidth()));
          List<KeyValues> seen = new ArrayList<>();
          for (int n : lengths) {
            Tensor k = noise(scope.tensor(dtype, n, h.keyWidth()));
            Tensor v = noise(scope.tensor(dtype, n, h.keyWidth()));
            seen.add(new KeyValues(cut(k, 64, scope), cut(v, 64, scope), n));
          }
          Tensor together = scope.tensor(dtype, lengths.length, h.queryWidth());
          fast.forward(h, q, seen, null, together, team);
          for (int r = 0; r < lengths.length; r++) {
            Tensor own = scope.tensor(dtype, 1, h.queryWidth());
            fast.forward(h, q.rows(r, r + 1), List.of(seen.get(r)), null, own, alone);
            for (int i = 0; i < h.queryWidth(); i++) {
              assertThat(together.get(r, i)).isEqualTo(own.get(0, i));
            }
          }
        }
      }
    }
  }

  private void check(Attend.Shape h, Dtype dtype, int n) {
    try (Scope scope = Scope.open("test")) {
      Tensor q = noise(scope.tensor(dtype, 1, h.queryWidth()));
      Tensor k = noise(scope.tensor(dtype, n, h.keyWidth()));
      Tensor v = noise(scope.tensor(dtype, n, h.keyWidth()));
      Tensor want = scope.tensor(Dtype.F64, 1, h.queryWidth());
      Tensor first = null;
      for (int block : new int[] {n, 1, 3, 64}) {
        KeyValues kv = new KeyValues(cut(k, block, scope), cut(v, block, scope), n);
        Tensor got = scope.tensor(dtype, 1, h.queryWidth());
        fast.forward(h, q, List.of(kv), null, got, team);
        plain.forward(h, q, List.of(kv), null, want, team);
        first = first == null ? got : first;
        double bound = dtype == Dtype.F32 ? 1e-5 : 1.0 / 64;
        for (int i = 0; i < h.queryWidth(); i++) {
          assertThat(got.get(0, i)).isCloseTo(want.get(0, i), within(bound));
          assertThat(got.get(0, i)).isEqualTo(first.get(0, i));
        }
      }
    }
  }

  /// Blocks of rows, the last with NaN behind its own.
  private static List<Tensor> cut(Tensor all, int block, Scope scope) {
    List<Tensor> blocks = new ArrayList<>();
    for (int from = 0; from < all.rows(); from += block) {
      Tensor b = scope.tensor(all.dtype(), block, all.cols());
      for (int r = 0; r < block; r++) {
        for (int c = 0; c < all.cols(); c++) {
          b.set(r, c, from + r < all.rows() ? all.get(from + r, c) : Double.NaN);
        }
      }
      blocks.add(b);
    }
    return blocks;
  }

  private Tensor noise(Tensor t) {
    for (int r = 0; r < t.rows(); r++) {
      for (int c = 0; c < t.cols(); c++) {
        t.set(r, c, random.nextGaussian());
      }
    }
    return t;
  }
}
