package dev.nudge.kernel.code;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.Seeds;
import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.HeadRows;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/// Machine code has the bits of the Vector API's kernels, and touches no byte outside of what it is
/// given.
class CodeSkinnyProductTest {
  private static final int PAGE = 4096;
  private static final int KINDS = 6; // of weights

  private final Random random = new Random(Seeds.next());
  private final Kernels vector = Kernels.of(List.of(new VectorKernels()));
  private SkinnyProduct code = vector.fewRows();

  @BeforeEach
  void thisMachineRunsIt() {
    CodeKernels.Compiled made = CodeKernels.made(vector, Code::of);
    assertThat(String.valueOf(made.missing())).doesNotContain("wrong");
    assumeTrue(made.few() != null, "needs AVX-512: " + made.missing());
    code = made.few();
  }

  @Test
  void aThousandProductsOfOddShapesHaveTheBitsOfTheVectorKernels() {
    for (int i = 0; i < 1000; i++) {
      product(random.nextInt(KINDS), 40);
    }
  }

  /// As many calls as `-Dnudge.calls` says, of the smallest sizes: what goes wrong at ends does so
  /// there.
  @Tag("slow")
  @Test
  void millionsOfSmallCallsHaveTheBitsOfTheVectorKernels() {
    smallCalls(Long.getLong("nudge.calls", 10_000_000));
  }

  @Test
  void smallCallsHaveTheBitsOfTheVectorKernels() {
    smallCalls(2_000);
  }

  /// Calls of a few results each, some hundreds on the same numbers.
  private void smallCalls(long calls) {
    for (long done = 0; done < calls; ) {
      int kind = random.nextInt(KINDS);
      int xs = 1 + random.nextInt(7);
      int cols = kind == 2 ? Nf4.BLOCK : Math.min(160, cols(kind));
      SkinnyProduct.Weight w = weight(kind, 1 + random.nextInt(9), cols);
      Dtype compute = random.nextBoolean() ? Dtype.BF16 : Dtype.F32;
      try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
        Tensor arranged = vector.fewRows().arranged(noise(compute, xs, w.cols()), w, ws);
        for (int i = 0; i < 400; i++, done++) {
          compare(w, arranged, compute, 1 + random.nextInt(xs));
          slot -= 3; // the weight and its scales stay where they are
        }
      }
    }
  }

  /// A weight of more than one part, and of more blocks than share an absmax.
  @Test
  void productsOfManyRowsGoOnWithTheNextPart() {
    for (int kind = 0; kind < KINDS; kind++) {
      for (int i = 0; i < 4; i++) {
        product(kind, 700 + random.nextInt(400), kind == 3 ? 512 : 576, 1 + random.nextInt(6));
      }
    }
  }

  /// Multiplies random numbers, at the ends of pages of which the next may not be read.
  private void product(int kind, int most) {
    product(kind, 1 + random.nextInt(most), cols(kind), 1 + random.nextInt(19));
  }

  private int cols(int kind) {
    return switch (kind) {
      case 0 -> 2 * (1 + random.nextInt(200));
      case 1 -> 1 + random.nextInt(400);
      case 3 -> 256 * (1 + random.nextInt(3));
      case 5 -> Mxfp4.BLOCK * (1 + random.nextInt(12));
      default -> Nf4.BLOCK * (1 + random.nextInt(6));
    };
  }

  private SkinnyProduct.Weight weight(int kind, int rows, int cols) {
    return switch (kind) {
      case 0 -> new SkinnyProduct.Dense(noise(Dtype.BF16, rows, cols));
      case 1 -> new SkinnyProduct.Dense(noise(Dtype.F32, rows, cols));
      case 3 -> blocks(rows, Math.max(256, cols));
      case 4 -> grouped(rows, cols);
      case 5 -> mxfp4(rows, cols);
      default -> quantized(rows, cols);
    };
  }

  private void product(int kind, int rows, int cols, int xs) {
    Dtype compute = random.nextBoolean() ? Dtype.BF16 : Dtype.F32;
    SkinnyProduct.Weight w = weight(kind, rows, cols);
    try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      compare(w, vector.fewRows().arranged(noise(compute, xs, cols), w, ws), compute, xs);
    }
  }

  /// Compares results of both kernels for some weight rows, written or added, of a random type.
  ///
  /// @param arranged at least `xs` rows
  private void compare(SkinnyProduct.Weight w, Tensor arranged, Dtype compute, int xs) {
    Dtype type = random.nextBoolean() ? Dtype.BF16 : Dtype.F32;
    boolean add = random.nextBoolean();
    int from = random.nextInt(w.rows());
    int to = from + random.nextInt(w.rows() - from + 1);
    Tensor want = noise(type, xs, w.rows());
    Tensor got = atPageEnd(type, xs, w.rows());
    MemorySegment.copy(want.data(), 0, got.data(), 0, want.bytes());
    int read =
        w instanceof SkinnyProduct.Grouped ? arranged.rows() : xs; // by the Vector API in part
    Tensor end = atPageEnd(Dtype.F32, read, arranged.cols());
    MemorySegment.copy(arranged.data(), 0, end.data(), 0, end.bytes());
    vector.fewRows().multiply(arranged, w, compute, from, to, want, add);
    code.multiply(end, w, compute, from, to, got, add);
    long at = got.data().mismatch(want.data());
    while (at >= 0 && bothNan(got, want, at)) { // which NaN is the compiler's choice
      at = next(got, want, at);
    }
    if (at >= 0) {
      fail("%s, %d rows of x, %s, %d to %d, byte %d".formatted(w, xs, compute, from, to, at));
    }
  }

  private static boolean bothNan(Tensor got, Tensor want, long at) {
    long i = at / got.dtype().bytes();
    return Double.isNaN(got.at(i)) && Double.isNaN(want.at(i));
  }

  /// The first byte behind the number at `at` that differs; -1: there is none.
  private static long next(Tensor got, Tensor want, long at) {
    int size = got.dtype().bytes();
    long from = (at / size + 1) * size;
    long more = got.data().asSlice(from).mismatch(want.data().asSlice(from));
    return more < 0 ? -1 : from + more;
  }

  private SkinnyProduct.Quantized quantized(int rows, int cols) {
    Tensor packed = bytes(rows * cols / 2);
    int blocks = rows * cols / Nf4.BLOCK;
    if (random.nextBoolean()) {
      return new SkinnyProduct.Quantized(
          rows, cols, packed, new SkinnyProduct.Scales(noise(Dtype.F32, 1, blocks), null, 0));
    }
    Tensor absmax = noise(Dtype.F32, 1, (blocks + 255) / SkinnyProduct.Scales.NESTED);
    return new SkinnyProduct.Quantized(
        rows, cols, packed, new SkinnyProduct.Scales(absmax, bytes(blocks), 0.25f));
  }

  /// Codes in groups of 32 to 256, some of them short.
  private SkinnyProduct.Grouped grouped(int rows, int cols) {
    int group = Math.min(cols, 32 << random.nextInt(4));
    int groups = Math.ceilDiv(cols, group);
    Tensor codes = Tensor.of(bytes(rows * cols / 2).data(), Dtype.U8, rows, cols / 2);
    Tensor zeros = Tensor.of(bytes(rows * groups).data(), Dtype.U8, rows, groups);
    return new SkinnyProduct.Grouped(
        rows, cols, 4, group, codes, noise(Dtype.F32, rows, groups), zeros, null);
  }

  /// Random blocks of a random type, whose scales are finite, in a file's order or as they are.
  private SkinnyProduct.ByRow blocks(int rows, int cols) {
    DotBlocks.Type type = DotBlocks.Type.values()[random.nextInt(DotBlocks.Type.values().length)];
    int width = cols / type.numbers * type.bytes;
    Tensor data = bytes(rows * width);
    int half = type == DotBlocks.Type.Q6_K ? 208 : 0;
    for (int at = 0; at < rows * width; at += type.bytes) {
      for (int high = at + half + 1; high < Math.min(at + half + 4, rows * width); high += 2) {
        data.data().set(JAVA_BYTE, high, (byte) (data.data().get(JAVA_BYTE, high) & ~0x40));
      }
    }
    Tensor matrix = Tensor.of(data.data(), Dtype.U8, rows, width);
    IntUnaryOperator place =
        rows % 8 == 0 && random.nextBoolean() ? new HeadRows(rows, rows / 8)::inFile : r -> r;
    BlockReader reader = BlockReader.of(GgufType.valueOf(type.name()));
    SkinnyProduct.RowReader read =
        (row, to, start) ->
            reader.read(
                matrix.data(),
                (long) place.applyAsInt(row) * width,
                cols / type.numbers,
                to,
                start);
    return new SkinnyProduct.ByRow(
        rows, cols, matrix.bytes(), read, new SkinnyProduct.Blocks(type.name(), matrix, place));
  }

  /// Random codes, and powers that are close to 1 but for one in fifty.
  private SkinnyProduct.Powers mxfp4(int rows, int cols) {
    int each = cols / Mxfp4.BLOCK;
    Tensor powers = Tensor.of(bytes(rows * each).data(), Dtype.U8, rows, each);
    for (int i = 0; i < rows * each; i++) {
      if (random.nextInt(50) > 0) {
        powers.data().set(JAVA_BYTE, i, (byte) (120 + random.nextInt(12)));
      }
    }
    Tensor codes = Tensor.of(bytes(rows * cols / 2).data(), Dtype.U8, rows, cols / 2);
    return new SkinnyProduct.Powers(codes, powers);
  }

  /// All types have machine code that is used: none is refused by the comparison with the kernels
  /// beneath.
  @Test
  void blocksOfAllTypesAreMultipliedByMachineCode() {
    for (int i = 0; i < 100; i++) {
      SkinnyProduct.ByRow w = blocks(8, 512);
      Dtype compute = i % 2 == 0 ? Dtype.BF16 : Dtype.F32;
      assertThat(((CodeSkinnyProduct) code).kernel(w, compute)).as(w.toString()).isNotNull();
    }
  }

  @Test
  void codeForBlocksThatComputesOtherBitsIsNotUsed() {
    Code.Memory wrong =
        bytes -> {
          byte[] other = bytes.clone();
          boolean pairs = bytes.length < 256; // zeros of groups are converted too
          for (int i = pairs ? bytes.length : 0; i + 5 < other.length; i++) {
            if (other[i] == 0x62 && other[i + 4] == 0x5b) { // EVEX: vcvtdq2ps
              other[i + 4] = 0x10; // vmovups
              break;
            }
          }
          return Code.of(other);
        };
    CodeSkinnyProduct made =
        (CodeSkinnyProduct) requireNonNull(CodeKernels.made(vector, wrong).few());
    SkinnyProduct.ByRow w = blocks(8, 512);
    assertThat(made.kernel(w, Dtype.F32)).isNull();
    try (Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Tensor want = atPageEnd(Dtype.F32, 3, 8);
      Tensor got = atPageEnd(Dtype.F32, 3, 8);
      Tensor x = made.arranged(noise(Dtype.F32, 3, 512), w, ws);
      vector.fewRows().multiply(x, w, Dtype.F32, 0, 8, want, false);
      made.multiply(x, w, Dtype.F32, 0, 8, got, false);
      assertThat(got.data().mismatch(want.data())).isEqualTo(-1);
    }
  }

  private Tensor bytes(int n) {
    byte[] all = new byte[n];
    random.nextBytes(all);
    Tensor tensor = atPageEnd(Dtype.U8, 1, n);
    MemorySegment.copy(all, 0, tensor.data(), ValueLayout.JAVA_BYTE, 0, n);
    return tensor;
  }

  private Tensor noise(Dtype dtype, int rows, int cols) {
    Tensor tensor = atPageEnd(dtype, rows, cols);
    for (int i = 0; i < rows * cols; i++) {
      float v = number();
      if (dtype == Dtype.BF16) {
        tensor.data().set(ValueLayout.JAVA_SHORT_UNALIGNED, 2L * i, Bf16.round(v));
      } else {
        tensor.data().set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i, v);
      }
    }
    return tensor;
  }

  /// A number, now and then one that is special: zeros, subnormals, ties of bf16, infinity.
  private float number() {
    float[] special = {
      0, -0f, Float.MIN_VALUE, -1e-40f, 1.00390625f, 1.01171875f, Float.POSITIVE_INFINITY, 3e38f
    };
    return random.nextInt(500) == 0
        ? special[random.nextInt(special.length)]
        : (float) random.nextGaussian();
  }

  private static final int SLOTS = 16;
  private static final MemorySegment[] PAGES = new MemorySegment[SLOTS];
  private int slot;

  /// A tensor whose last byte is the last one before a page that may not be read or written; the
  /// memory is used again after [#SLOTS] tensors.
  private Tensor atPageEnd(Dtype dtype, int rows, int cols) {
    int which = slot++ % SLOTS;
    if (PAGES[which] == null) {
      PAGES[which] = guarded(1024 * PAGE);
    }
    long bytes = (long) rows * cols * dtype.bytes();
    MemorySegment all = PAGES[which];
    return Tensor.of(all.asSlice(all.byteSize() - bytes, bytes), dtype, rows, cols);
  }

  /// Memory behind which a page follows that may not be touched.
  static MemorySegment guarded(long bytes) {
    MemorySegment all = Arena.global().allocate(bytes + PAGE, PAGE);
    Linker linker = Linker.nativeLinker();
    MethodHandle protect =
        linker.downcallHandle(
            linker.defaultLookup().find("mprotect").orElseThrow(),
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    try {
      assertThat((int) protect.invokeExact(all.asSlice(bytes, PAGE), (long) PAGE, 0)).isZero();
    } catch (Throwable e) {
      throw new AssertionError(e);
    }
    return all.asSlice(0, bytes);
  }

  @Test
  void wrongNumbersOfTheProcessorAreFoundOut() {
    Code.Memory wrong =
        bytes -> {
          byte[] other = bytes.clone();
          for (int i = 0; i + 5 < other.length; i++) {
            if (other[i] == 0x62 && other[i + 4] == (byte) 0xb8) { // EVEX: vfmadd231ps
              other[i + 4] = (byte) 0xbc; // vfnmadd231ps
              break;
            }
          }
          return Code.of(other);
        };
    assertThat(CodeKernels.made(vector, wrong).missing()).contains("wrong");
  }

  @Test
  void withoutExecutableMemoryTheKernelsBeneathStay() {
    CodeKernels.Compiled made = CodeKernels.made(vector, bytes -> Optional.empty());
    assertThat(made.few()).isNull();
    assertThat(made.missing()).contains("executable memory");
  }

  @Test
  void overPlainKernelsThereIsNoMachineCode() {
    assertThat(CodeKernels.made(Kernels.plain(), Code::of).few()).isNull();
    assertThat(new CodeKernels().over(Kernels.plain()).fewRows())
        .isInstanceOf(SkinnyProduct.Plain.class);
  }

  @Test
  void columnsOfALargerMatrixAreReadWhereTheyLie() {
    Tensor wide = noise(Dtype.F32, 5, 64);
    SkinnyProduct.Dense w = new SkinnyProduct.Dense(wide.cols(0, 32));
    Tensor x = noise(Dtype.F32, 1, 32);
    try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
      Tensor want = atPageEnd(Dtype.F32, 1, 5);
      Tensor got = atPageEnd(Dtype.F32, 1, 5);
      Tensor arranged = code.arranged(x, w, ws);
      vector.fewRows().multiply(arranged, w, Dtype.F32, 0, 5, want, false);
      code.multiply(arranged, w, Dtype.F32, 0, 5, got, false);
      assertThat(got.data().mismatch(want.data())).isEqualTo(-1);
    }
  }

  @Test
  void memoryThatIsClosedIsNotTouched() {
    SkinnyProduct.Dense w;
    try (Arena arena = Arena.ofShared()) {
      w = new SkinnyProduct.Dense(Tensor.of(arena.allocate(4 * 5 * 32, 64), Dtype.F32, 5, 32));
    }
    Tensor y = atPageEnd(Dtype.F32, 1, 5);
    try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
      Tensor x = code.arranged(noise(Dtype.F32, 1, 32), w, ws);
      assertThatThrownBy(() -> code.multiply(x, w, Dtype.F32, 0, 5, y, false))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("closed");
    }
  }

  @Test
  void memoryOfTheHeapGoesToTheKernelsBeneath() {
    SkinnyProduct.Dense w = new SkinnyProduct.Dense(noise(Dtype.F32, 5, 32));
    float[] sums = new float[5];
    Tensor y = Tensor.of(MemorySegment.ofArray(sums), Dtype.F32, 1, 5);
    try (Workspace ws = new Workspace(0, 1 << 16, Gemm.plain())) {
      Tensor x = code.arranged(noise(Dtype.F32, 1, 32), w, ws);
      code.multiply(x, w, Dtype.F32, 0, 5, y, false);
      float[] again = sums.clone();
      vector.fewRows().multiply(x, w, Dtype.F32, 0, 5, y, false);
      assertThat(sums).isEqualTo(again).isNotEqualTo(new float[5]);
    }
  }
}
