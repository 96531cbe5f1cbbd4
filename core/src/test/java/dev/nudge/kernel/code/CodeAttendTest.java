package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Seeds;
import dev.nudge.kernel.Attend;
import dev.nudge.kernel.AttendOne;
import dev.nudge.kernel.AttendSweeps;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.KeyValues;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Sweeps of decode attention by machine code have the bits of the Vector API's, and touch no byte
/// outside of what they are given.
class CodeAttendTest {
  private static final int[] DIMS = {64, 80, 96, 128, 256}; // of models
  private static final int BYTES = 1 << 20;
  private static final MemorySegment[] PAGES = new MemorySegment[3]; // each before a guarded page

  private final Random random = new Random(Seeds.next());
  private final Kernels vector = Kernels.of(List.of(new VectorKernels()));
  private AttendOne whole;
  private AttendSweeps want;
  private AttendSweeps code;

  @BeforeEach
  void thisMachineRunsIt() {
    CodeKernels.Compiled made = CodeKernels.made(vector, Code::of);
    assertThat(String.valueOf(made.missing())).doesNotContain("wrong");
    assumeTrue(made.missing() == null, "needs AVX-512: " + made.missing());
    whole = requireNonNull(made.attend());
    want = ((AttendOne.BySweeps) vector.attendOne()).sweeps();
    code = ((AttendOne.BySweeps) whole).sweeps();
    for (int i = 0; i < PAGES.length; i++) {
      PAGES[i] = PAGES[i] == null ? CodeSkinnyProductTest.guarded(BYTES) : PAGES[i];
    }
  }

  @Test
  void sweepsHaveTheBitsOfTheVectorKernels() {
    for (int i = 0; i < 400; i++) {
      sweeps(drawnDim(), 130, 1);
    }
  }

  @Test
  void smallSweepsHaveTheBitsOfTheVectorKernels() {
    smallSweeps(4_000);
  }

  /// As many scores, and as many sums, as `-Dnudge.calls` says, of few rows; a third by
  /// [KeyScores], which takes some calls for each.
  @Tag("slow")
  @Test
  void millionsOfSmallSweepsHaveTheBitsOfTheVectorKernels() {
    smallSweeps(Long.getLong("nudge.calls", 10_000_000));
  }

  private void smallSweeps(long calls) {
    for (long done = 0; done < calls; done += 200) {
      int dim = random.nextBoolean() ? 64 * (1 + random.nextInt(2)) : drawnDim() % 98 + 2;
      sweeps(dim, 9, 200);
    }
  }

  private int drawnDim() {
    return random.nextBoolean() ? DIMS[random.nextInt(DIMS.length)] : 2 * (1 + random.nextInt(130));
  }

  /// Scores and sums of some of the same rows, by both.
  ///
  /// @param most rows
  private void sweeps(int dim, int most, int times) {
    int rows = 1 + random.nextInt(most);
    int width = (dim + 31) / 32 * 32;
    int row = rows + AttendSweeps.BEHIND + random.nextInt(3);
    int queries = random.nextInt(3) == 0 ? 1 : 4 * (1 + random.nextInt(2));
    int heads = 1 + random.nextInt(3);
    int stride = heads * dim + random.nextInt(3) * 2;
    int floats = heads * queries * (width + row);
    MemorySegment data = end(0, 2L * ((rows - 1) * stride + heads * dim));
    for (long at = 0; at < data.byteSize(); at += 2) {
      data.set(JAVA_SHORT_UNALIGNED, at, Bf16.round(number()));
    }
    MemorySegment expected = end(1, 4L * floats + AttendSweeps.SPARE);
    MemorySegment got = end(2, 4L * floats);
    for (int i = 0; i < floats; i++) {
      expected.set(JAVA_FLOAT_UNALIGNED, 4L * i, number());
    }
    MemorySegment.copy(expected, 0, got, 0, got.byteSize());
    long scores = 4L * heads * queries * width;
    for (int i = 0; i < times; i++) {
      int from = random.nextInt(rows);
      int count = 1 + random.nextInt(rows - from);
      AttendSweeps.Rows some = new AttendSweeps.Rows(data, 2L * from * stride, 2L * stride, count);
      AttendSweeps.Sizes sizes = new AttendSweeps.Sizes(heads, dim, queries, width, row);
      long at = scores + 4L * from;
      want.scores(some, some, sizes, expected, at);
      code.scores(some, some, sizes, got, at);
      for (int q = 0; q < heads * queries; q++) {
        long behind = at + 4L * (q * row + count);
        MemorySegment.copy(got, behind, expected, behind, 4L * AttendSweeps.BEHIND);
      }
      same(got, expected, "scores of %s, %s".formatted(some, sizes));
      want.sums(some, some, sizes, expected, at);
      code.sums(some, some, sizes, got, at);
      same(got, expected, "sums of %s, %s".formatted(some, sizes));
      if (i % 8 == 7) { // they would grow beyond all numbers
        for (int j = 0; j < heads * queries * width; j++) {
          expected.set(JAVA_FLOAT_UNALIGNED, 4L * j, number());
        }
        MemorySegment.copy(expected, 0, got, 0, scores);
      }
    }
  }

  private static void same(MemorySegment got, MemorySegment expected, String what) {
    long at = got.mismatch(expected.asSlice(0, got.byteSize()));
    while (at >= 0) {
      long place = at / 4 * 4;
      float a = got.get(JAVA_FLOAT_UNALIGNED, place);
      float b = expected.get(JAVA_FLOAT_UNALIGNED, place);
      if (!Float.isNaN(a) || !Float.isNaN(b)) { // which NaN is the compiler's choice
        fail("%s: %s, not %s, at float %d".formatted(what, a, b, at / 4));
      }
      got.set(JAVA_FLOAT_UNALIGNED, place, b);
      at = got.mismatch(expected.asSlice(0, got.byteSize()));
    }
  }

  /// A segment whose last byte is the last one before a page that may not be read or written.
  private static MemorySegment end(int which, long bytes) {
    return PAGES[which].asSlice(BYTES - bytes);
  }

  /// A number, now and then one that is special: zeros, subnormals, infinity.
  private float number() {
    float[] special = {0, -0f, Float.MIN_VALUE, -1e-40f, Float.POSITIVE_INFINITY, 3e38f};
    return random.nextInt(2000) == 0
        ? special[random.nextInt(special.length)]
        : (random.nextInt(1 << 16) - (1 << 15)) / 16384f;
  }

  @Test
  void wrongNumbersOfEachKernelAreFoundOut() {
    List<byte[]> all = new ArrayList<>();
    CodeKernels.made(
        vector,
        bytes -> {
          all.add(bytes);
          return Code.of(bytes);
        });
    for (int kernel = all.size() - 6; kernel < all.size(); kernel++) {
      byte[] wrong = all.get(kernel).clone();
      int at = 0;
      while (wrong[at] != 0x62 || wrong[at + 4] != (byte) 0xb8) { // EVEX: vfmadd231ps
        at++;
      }
      wrong[at + 4] = (byte) 0xbc; // vfnmadd231ps
      byte[] right = all.get(kernel);
      CodeKernels.Compiled made =
          CodeKernels.made(vector, bytes -> Code.of(Arrays.equals(bytes, right) ? wrong : bytes));
      assertThat(made.missing()).as("kernel %d", kernel).contains("attention", "wrong");
    }
  }

  @Test
  void attentionHasTheBitsOfTheVectorKernels() {
    for (Attend.Shape h :
        List.of(
            new Attend.Shape(9, 3, 64),
            new Attend.Shape(7, 1, 128, 0.07, 100, 0),
            new Attend.Shape(4, 4, 96),
            new Attend.Shape(6, 2, 80, 0.1, 0, 20),
            new Attend.Shape(2, 1, 256),
            new Attend.Shape(2, 1, 7))) {
      for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16)) {
        for (int n : new int[] {1, 2, 63, 131, 400}) {
          try (Scope scope = Scope.open("test");
              Team team = new Team(2)) {
            List<KeyValues> seen = new ArrayList<>();
            seen.add(blocks(scope, h, dtype, n));
            seen.add(blocks(scope, h, dtype, n + 5));
            Tensor q = noise(scope.tensor(dtype, 2, h.queryWidth()));
            Tensor expected = scope.tensor(dtype, 2, h.queryWidth());
            Tensor got = scope.tensor(dtype, 2, h.queryWidth());
            vector.attendOne().forward(h, q, seen, null, expected, team);
            whole.forward(h, q, seen, null, got, team);
            assertThat(got.data().mismatch(expected.data())).as("%s, %d", h, n).isEqualTo(-1);
          }
        }
      }
    }
  }

  private KeyValues blocks(Scope scope, Attend.Shape h, Dtype dtype, int rows) {
    List<Tensor> keys = new ArrayList<>();
    List<Tensor> values = new ArrayList<>();
    for (int from = 0; from < rows; from += 64) {
      keys.add(noise(scope.tensor(dtype, 64, h.keyWidth())));
      values.add(noise(scope.tensor(dtype, 64, h.keyWidth())));
    }
    return new KeyValues(keys, values, rows);
  }

  private Tensor noise(Tensor t) {
    for (long i = 0; i < t.elements(); i++) {
      t.put(i, number() == 0 ? 0 : random.nextGaussian());
    }
    return t;
  }

  @Test
  void memoryThatIsClosedIsNotTouchedAndThatOfTheHeapGoesToTheKernelsBeneath() {
    AttendSweeps.Sizes sizes = new AttendSweeps.Sizes(1, 64, 4, 64, 16);
    MemorySegment got = end(2, 4 * 4 * 80 + AttendSweeps.SPARE);
    MemorySegment data;
    try (Arena arena = Arena.ofShared()) {
      data = arena.allocate(128);
    }
    AttendSweeps.Rows closed = new AttendSweeps.Rows(data, 0, 128, 1);
    assertThatThrownBy(() -> code.scores(closed, closed, sizes, got, 1024))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(() -> code.sums(closed, closed, sizes, got, 1024))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    got.fill((byte) 1);
    short[] ones = new short[64];
    Arrays.fill(ones, Bf16.round(1));
    AttendSweeps.Rows heap = new AttendSweeps.Rows(MemorySegment.ofArray(ones), 0, 128, 1);
    for (int i = 0; i < 256; i++) {
      got.set(JAVA_FLOAT_UNALIGNED, 4L * i, 2);
    }
    code.scores(heap, heap, sizes, got, 1024);
    assertThat(got.get(JAVA_FLOAT_UNALIGNED, 1024)).isEqualTo(128);
    code.sums(heap, heap, sizes, got, 1024);
    assertThat(got.get(JAVA_FLOAT_UNALIGNED, 0)).isEqualTo(130);
  }

  @Test
  void rowsThatReachBeyondTheirMemoryAreRefused() {
    AttendSweeps.Sizes sizes = new AttendSweeps.Sizes(1, 64, 4, 64, 16);
    MemorySegment got = end(2, 4 * 4 * 80);
    AttendSweeps.Rows rows = new AttendSweeps.Rows(end(0, 2 * 128), 0, 128, 3);
    assertThatThrownBy(() -> code.scores(rows, rows, sizes, got, 1024))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> code.sums(rows, rows, sizes, got, 1024))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }
}
