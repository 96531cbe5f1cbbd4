package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.nudge.Seeds;
import dev.nudge.format.ConfigJson;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.gguf.GgufType;
import dev.nudge.kernel.DynamicMap;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.Mxfp4;
import dev.nudge.kernel.Nf4;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.kernel.simd.VectorKernels;
import dev.nudge.nn.Dropout;
import dev.nudge.nn.Linear;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.nn.StoredLinear;
import dev.nudge.python.PythonJson;
import dev.nudge.settings.verb.CalibrationSettings.Layout;
import dev.nudge.tensor.Bf16;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Every format of weights at every width: what a weight is dequantised to, number by number, and
/// its products of 1 to 40 rows in training, prefill and decoding, and backward, against sums in
/// double, for each provider of kernels.
///
/// Rows cut blocks and bytes where the format allows it. NaN lies before and behind scales, rows
/// and results; weights lie in memory that ends with them.
class WidthsTest {
  private static final int[] WIDE = {255, 256, 257, 320, 448, 512, 1000};
  private static final int MARGIN = 64; // bytes, so that memory stays aligned

  /// A weight with the numbers that its format defines.
  private record Made(StoredLinear.Source weight, float[] numbers) {}

  private interface Maker {
    Made of(int rows, int cols, Draw draw);
  }

  /// A format, and the widths that it has.
  private record Form(String name, IntPredicate fits, Maker maker) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Stream<Form> forms() {
    List<Form> forms = new ArrayList<>();
    for (Dtype dtype : List.of(Dtype.F32, Dtype.BF16, Dtype.F16)) {
      forms.add(new Form(dtype.name(), any(), (rows, cols, d) -> d.dense(dtype, rows, cols)));
    }
    for (boolean nested : new boolean[] {false, true}) {
      String name = nested ? "NF4, nested scales" : "NF4";
      forms.add(new Form(name, any(), (rows, cols, d) -> d.nf4(nested, rows, cols)));
    }
    for (int bits : new int[] {4, 8}) {
      for (boolean ordered : new boolean[] {false, true}) {
        String name = bits + " bits in groups" + (ordered ? ", ordered" : "");
        forms.add(new Form(name, any(), (rows, cols, d) -> d.grouped(bits, ordered, rows, cols)));
      }
    }
    forms.add(new Form("MXFP4", cols -> cols % Mxfp4.BLOCK == 0, (r, c, d) -> d.mxfp4(r, c)));
    forms.add(new Form("FP8", any(), (rows, cols, d) -> d.fp8(rows, cols)));
    for (GgufType type : GgufType.values()) {
      if (!type.isFloat()) {
        IntPredicate whole = cols -> cols % type.block() == 0;
        forms.add(new Form("GGUF " + type, whole, (rows, cols, d) -> d.blocks(type, rows, cols)));
      }
    }
    return forms.stream();
  }

  private static IntPredicate any() {
    return cols -> true;
  }

  private static List<Kernels> providers() {
    return List.of(Kernels.fastest(), Kernels.of(List.of(new VectorKernels())), Kernels.plain());
  }

  @ParameterizedTest
  @MethodSource("forms")
  void productsAreThoseOfTheNumbersThatTheFormatDefines(Form form) {
    Draw draw = new Draw(Seeds.random());
    Random random = draw.random;
    hold(form, draw, cols -> new int[] {1 + random.nextInt(random.nextInt(3) == 0 ? 40 : 5)});
  }

  /// Any ten widths in a row have all numbers of rows of 1 to 40.
  @Tag("slow")
  @ParameterizedTest
  @MethodSource("forms")
  void productsOfEveryNumberOfRowsAreThoseOfTheNumbersThatTheFormatDefines(Form form) {
    Draw draw = new Draw(Seeds.random());
    hold(form, draw, cols -> IntStream.range(0, 4).map(i -> 1 + cols % 10 + 10 * i).toArray());
  }

  /// Layouts of files, read where they lie and into memory, at every width that they have.
  @Test
  void codesOfAFileAreReadAtEveryWidth(@TempDir Path temp) throws IOException {
    Random random = Seeds.random();
    int read = 0;
    for (int cols : widths().toArray()) {
      for (Layout layout : Layout.values()) {
        int bits = layout == Layout.AWQ ? 4 : List.of(3, 4, 8).get(random.nextInt(3));
        int group = cols % 2 == 1 ? -1 : List.of(-1, 2, 8, 32, 64).get(random.nextInt(5));
        GroupedFile format = new GroupedFile(layout, bits, group, bits == 3, false);
        int rows = layout == Layout.COMPRESSED_TENSORS ? 1 + random.nextInt(20) : 32;
        if (format.misfit(rows, cols) == null) {
          holdFile(temp, format, rows, cols, random);
          read++;
        }
      }
    }
    assertThat(read).isGreaterThan(100);
  }

  private static void holdFile(Path temp, GroupedFile format, int rows, int cols, Random random)
      throws IOException {
    String path = "model.layers.0.mlp.up_proj";
    Path file = temp.resolve("model.safetensors");
    Path config = temp.resolve("config.json");
    try (Scope scope = Scope.open("test")) {
      GroupedCodes codes = GroupedCodes.in(scope, rows, cols, format.groupOf(cols), false);
      for (long i = 0; i < codes.codes().elements(); i++) {
        codes.codes().put(i, random.nextInt(1 << format.bits()));
      }
      for (long i = 0; i < codes.scales().elements(); i++) {
        codes.scales().put(i, Math.scalb(1.0 + random.nextInt(100), -14)); // of any type
        codes.zeros().put(i, format.symmetric() ? 4 : random.nextInt(1 << format.bits()));
      }
      try (SafeTensorsWriter to =
          SafeTensorsWriter.create(file, Map.of(), format.entries(path, rows, cols, Dtype.BF16))) {
        format.write(to, path, Dtype.BF16, codes);
      }
      Files.writeString(
          config, PythonJson.write(Map.of(WeightFormats.KEY, format.config(Map.of(), List.of()))));
      WeightFormat declared =
          WeightFormats.declared(
              Objects.requireNonNull(WeightFormats.declaration(ConfigJson.read(config))));
      Tensor want = scope.tensor(Dtype.F32, rows, cols);
      codes.dequantize(want);
      try (WeightFile weights = SafeTensors.open(file);
          Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
        for (StoredWeight w :
            List.of(
                declared.open(weights, path, rows, cols),
                declared.load(weights, path, rows, cols, scope))) {
          int from = random.nextInt(rows);
          Tensor got = inside(Dtype.F32, rows - from, cols);
          w.make(from, rows, got, ws, Kernels.fastest());
          assertThat(got.data().mismatch(want.rows(from, rows).data()))
              .as("%s, %d × %d, rows from %d", format, rows, cols, from)
              .isEqualTo(-1);
        }
      }
    }
    Files.delete(file);
  }

  private static void hold(Form form, Draw draw, IntFunction<int[]> counts) {
    int[] widths = widths().filter(form.fits).toArray();
    assertThat(widths).isNotEmpty();
    try (Team team = new Team(2);
        Workspace ws = new Workspace(0, 2 << 20, Gemm.plain())) {
      for (int cols : widths) {
        boolean many = cols == 96; // blocks than share a nested scale
        int rows = many ? 200 : 1 + draw.random.nextInt(12);
        Made made = form.maker.of(rows, cols, draw);
        for (Kernels kernels : providers()) {
          String name = form + ", " + rows + " × " + cols + ", " + kernels.name();
          numbers(name, made, kernels, ws);
          for (int n : many ? new int[] {1, 5} : counts.apply(cols)) {
            Dtype compute = draw.random.nextInt(3) == 0 ? Dtype.BF16 : Dtype.F32;
            products(name + ", " + n + " rows", made, n, compute, kernels, team, ws, draw);
          }
        }
      }
    }
  }

  private static IntStream widths() {
    return IntStream.concat(IntStream.rangeClosed(1, 200), Arrays.stream(WIDE));
  }

  /// The whole and all parts from a multiple of the grain on have the format's numbers, rounded to
  /// the type that is asked for.
  private static void numbers(String name, Made made, Kernels kernels, Workspace ws) {
    StoredLinear.Source w = made.weight;
    for (Dtype type : List.of(Dtype.F32, Dtype.BF16)) {
      Tensor want = inside(type, w.rows(), w.cols());
      for (int i = 0; i < made.numbers.length; i++) {
        want.put(i, made.numbers[i]);
      }
      int step = Math.ceilDiv(w.rows(), 3 * w.grain()) * w.grain();
      for (int each : new int[] {w.rows(), step}) {
        for (int from = 0; from < w.rows(); from += each) {
          int to = Math.min(w.rows(), from + each);
          Tensor got = inside(type, to - from, w.cols());
          ws.reset();
          w.make(from, to, got, ws, kernels);
          assertThat(got.data().mismatch(want.rows(from, to).data()))
              .as("%s, %s, rows %d to %d", name, type, from, to)
              .isEqualTo(-1);
        }
      }
    }
  }

  private static void products(
      String name,
      Made made,
      int n,
      Dtype compute,
      Kernels kernels,
      Team team,
      Workspace ws,
      Draw draw) {
    int out = made.weight.rows();
    int in = made.weight.cols();
    double[] w = new double[made.numbers.length];
    for (int i = 0; i < w.length; i++) {
      w[i] = compute == Dtype.BF16 ? rounded(made.numbers[i]) : made.numbers[i];
    }
    Linear whole = StoredLinear.of(made.weight, null, compute);
    Linear parts = StoredLinear.ofRows(made.weight, null, compute, 5L * in * compute.bytes());
    Tensor x = draw.noise(between(compute, n, in));
    Tensor dy = draw.noise(between(compute, n, out));
    ws.reset();
    Segments one = Segments.of(new int[] {n}, new long[1], ws);
    Pass train = new Pass(null, one, ws, kernels, Dropout.NONE);
    Pass prefill = new Pass(null, one, ws, kernels, Dropout.NONE, true, null, null, null);
    Pass decode = new Pass(null, one, ws, kernels, Dropout.NONE, true, team, null, null);
    Sums forward = Sums.of(x, out, (i, o) -> w[o * in + i]);
    forward.hold(name + ", training", y -> whole.forward(x, y, train), compute);
    forward.hold(name + ", training in parts", y -> parts.forward(x, y, train), compute);
    forward.hold(name + ", prefill in parts", y -> parts.forward(x, y, prefill), compute);
    forward.hold(name + ", decoding", y -> whole.forward(x, y, decode), compute);
    Sums.of(dy, in, (o, i) -> w[o * in + i])
        .hold(name + ", backward", dx -> whole.backward(dy, dx, false, train), compute);
  }

  private static float rounded(float v) {
    return Bf16.toFloat(Bf16.round(v));
  }

  private interface Factor {
    /// The number that input `i` has in result `o`.
    double at(int i, int o);
  }

  /// Sums of products in double, and of their magnitudes: a sum of n products in fp32, in any
  /// order, is off by at most n · 2⁻²⁴ of these, and a result in bf16 by 2⁻⁸ of itself.
  private record Sums(double[][] sums, double[][] sizes, int products) {
    static Sums of(Tensor x, int out, Factor w) {
      double[][] sums = new double[x.rows()][out];
      double[][] sizes = new double[x.rows()][out];
      for (int r = 0; r < x.rows(); r++) {
        for (int i = 0; i < x.cols(); i++) {
          double v = x.get(r, i);
          for (int o = 0; o < out; o++) {
            double product = v * w.at(i, o);
            sums[r][o] += product;
            sizes[r][o] += Math.abs(product);
          }
        }
      }
      return new Sums(sums, sizes, x.cols());
    }

    void hold(String name, Consumer<Tensor> product, Dtype compute) {
      Tensor y = between(compute, sums.length, sums[0].length);
      product.accept(y);
      double half = compute == Dtype.BF16 ? 0x1p-8 : 0x1p-24;
      for (int r = 0; r < sums.length; r++) {
        for (int o = 0; o < sums[r].length; o++) {
          double off = (products + 1) * 0x1p-24 * sizes[r][o];
          double bound = off + half * (Math.abs(sums[r][o]) + off);
          double got = y.get(r, o);
          if (!(Math.abs(got - sums[r][o]) <= bound)) {
            fail("%s: %s in row %d is %s, must be %s", name, o, r, got, sums[r][o]);
          }
        }
      }
    }
  }

  /// A tensor whose memory ends with it, NaN (or 255) before it and behind it.
  private static Tensor inside(Dtype dtype, long rows, long cols) {
    long bytes = rows * cols * dtype.bytes();
    MemorySegment all = Arena.ofAuto().allocate(bytes + 2 * MARGIN, MARGIN);
    all.fill((byte) 0xff);
    return Tensor.of(all.asSlice(MARGIN, bytes), dtype, rows, cols);
  }

  /// Columns between columns of NaN.
  private static Tensor between(Dtype dtype, int rows, int cols) {
    return inside(dtype, rows, cols + 2).cols(1, cols + 1);
  }

  /// Draws weights.
  private static final class Draw {
    private final Random random;

    Draw(Random random) {
      this.random = random;
    }

    Tensor noise(Tensor t) {
      for (int r = 0; r < t.rows(); r++) {
        for (int c = 0; c < t.cols(); c++) {
          t.set(r, c, random.nextGaussian());
        }
      }
      return t;
    }

    private Tensor bytes(long rows, long cols) {
      Tensor t = inside(Dtype.U8, rows, cols);
      byte[] all = new byte[(int) t.elements()];
      random.nextBytes(all);
      MemorySegment.copy(all, 0, t.data(), JAVA_BYTE, 0, all.length);
      return t;
    }

    private Tensor scales(long rows, long cols) {
      return noise(inside(Dtype.F32, rows, cols));
    }

    Made dense(Dtype dtype, int rows, int cols) {
      Tensor matrix = noise(inside(dtype, rows, cols));
      float[] numbers = new float[rows * cols];
      for (int i = 0; i < numbers.length; i++) {
        numbers[i] = (float) matrix.at(i);
      }
      return new Made(StoredLinear.source(matrix), numbers);
    }

    Made nf4(boolean nested, int rows, int cols) {
      int n = rows * cols;
      int blocks = Nf4.blocks(n);
      Tensor packed = bytes(1, Nf4.bytes(n));
      Tensor absmax = scales(1, nested ? Math.ceilDiv(blocks, NestedScales.BLOCK) : blocks);
      Tensor codes = bytes(1, blocks);
      float[] numbers = new float[n];
      for (int i = 0; i < n; i++) {
        int block = i / 64;
        float scale = (float) absmax.at(nested ? block / 256 : block);
        if (nested) {
          scale = DynamicMap.SIGNED.value((int) codes.at(block)) * scale + 0.25f;
        }
        int pair = (int) packed.at(i / 2);
        numbers[i] = Nf4.level(i % 2 == 0 ? pair >> 4 : pair & 15) * scale;
      }
      return new Made(
          nested
              ? Nf4Weight.nested(rows, cols, packed, new NestedScales(codes, absmax, 0.25f))
              : Nf4Weight.of(rows, cols, packed, absmax),
          numbers);
    }

    /// Groups of a random width: whole vectors, powers of two, odd, or the whole row.
    Made grouped(int bits, boolean ordered, int rows, int cols) {
      int[] widths = {32, 64, 96, 128, 8, 1 + random.nextInt(cols), cols};
      int group = Math.min(cols, widths[random.nextInt(widths.length)]);
      int groups = Math.ceilDiv(cols, group);
      Tensor codes = bytes(rows, Math.ceilDiv(cols * bits, 8));
      Tensor scales = scales(rows, groups);
      Tensor zeros = bytes(rows, groups);
      List<Integer> columns = new ArrayList<>(IntStream.range(0, cols).boxed().toList());
      Tensor order = null;
      if (ordered) {
        Collections.shuffle(columns, random);
        order = inside(Dtype.I32, 1, cols);
        for (int i = 0; i < cols; i++) {
          order.put(i, columns.get(i));
        }
      }
      float[] numbers = new float[rows * cols];
      for (int r = 0; r < rows; r++) {
        for (int i = 0; i < cols; i++) {
          int at = (int) codes.get(r, bits == 8 ? i : i / 2);
          int code = bits == 8 ? at : i % 2 == 0 ? at & 15 : at >> 4;
          int zero = (int) zeros.get(r, i / group);
          numbers[r * cols + columns.get(i)] = (code - zero) * (float) scales.get(r, i / group);
        }
      }
      Grouped.Form form = new Grouped.Form(bits, group, ordered);
      Map<Dtype, List<Tensor>> parts = new EnumMap<>(Dtype.class);
      parts.put(Dtype.U8, new ArrayList<>(List.of(codes, zeros)));
      parts.put(Dtype.F32, new ArrayList<>(List.of(scales)));
      parts.put(Dtype.I32, order == null ? List.of() : new ArrayList<>(List.of(order)));
      return new Made(
          Grouped.of(
              rows, cols, form, size -> Objects.requireNonNull(parts.get(size.dtype())).remove(0)),
          numbers);
    }

    Made mxfp4(int rows, int cols) {
      Tensor codes = bytes(rows, cols / 2);
      Tensor powers = inside(Dtype.U8, rows, cols / Mxfp4.BLOCK);
      for (long i = 0; i < powers.elements(); i++) {
        powers.put(i, 118 + random.nextInt(9));
      }
      float[] numbers = new float[rows * cols];
      for (int i = 0; i < numbers.length; i++) {
        int both = (int) codes.at(i / 2);
        numbers[i] =
            Mxfp4.twice(i % 2 == 0 ? both : both >> 4)
                * Math.scalb(0.5f, (int) powers.at(i / 32) - 127);
      }
      return new Made(
          new Mxfp4Format.Mxfp4Weight(new SkinnyProduct.Powers(codes, powers)), numbers);
    }

    /// Blocks of a random size, of every code but the NaNs.
    Made fp8(int rows, int cols) {
      int blockRows = 1 + random.nextInt(rows);
      int blockCols = 1 + random.nextInt(cols);
      Tensor codes = inside(Dtype.U8, rows, cols);
      Tensor scales = scales(Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols));
      float[] numbers = new float[rows * cols];
      for (int i = 0; i < numbers.length; i++) {
        int e = random.nextInt(16);
        int m = random.nextInt(e == 15 ? 7 : 8);
        boolean negative = random.nextBoolean();
        codes.put(i, (negative ? 128 : 0) + 8 * e + m);
        float number = Math.scalb(e == 0 ? m / 4f : 1 + m / 8f, e - 7);
        float scale = (float) scales.get(i / cols / blockRows, i % cols / blockCols);
        numbers[i] = (negative ? -number : number) * scale;
      }
      return new Made(new Fp8Format.Weight(codes, scales, blockRows, blockCols), numbers);
    }

    /// Blocks of random bytes, whose half floats are finite.
    Made blocks(GgufType type, int rows, int cols) {
      Tensor bytes = bytes(rows, type.rowBytes(cols));
      byte[] some = new byte[type.blockBytes()];
      for (long at = 0; at < bytes.elements(); at += some.length) {
        for (int high = 1; high < some.length; high += 2) { // any of them may be a scale's
          byte b = bytes.data().get(JAVA_BYTE, at + high);
          bytes.data().set(JAVA_BYTE, at + high, (byte) (b & ~0x40));
        }
      }
      GgufFormat.GgufWeight weight = new GgufFormat.GgufWeight(rows, cols, type, bytes, null);
      float[] numbers = new float[rows * cols];
      MemorySegment row = MemorySegment.ofArray(new float[cols]);
      for (int r = 0; r < rows; r++) {
        weight.read(r, row, 0);
        MemorySegment.copy(row, 0, MemorySegment.ofArray(numbers), 4L * r * cols, 4L * cols);
      }
      return new Made(weight, numbers);
    }
  }
}
