package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.StoredType;
import dev.nudge.format.WeightFile;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// The FP8 format of DeepSeek's and Qwen's folders: numbers of eight bits, a scale for each block
/// of a matrix or for all of it, read in place. Of a layer M (out, in) in blocks of R × C:
///
/// - `M.weight` F8_E4M3 (out, in)
/// - `M.weight_scale_inv` (⌈out/R⌉, ⌈in/C⌉), a factor, despite its name; for a whole matrix one
///   number, of any number of dimensions
///
/// A code has a sign, four bits of exponent e and three of mantissa m: (1 + m/8)·2^(e − 7), for
/// e = 0 m·2⁻⁹; there is no infinity, and 0x7f and 0xff are NaN. The product with the scale is
/// rounded in fp32, then once to the compute type. Activations, which other programs round to eight
/// bits too, stay as they are, as in transformers with `dequantize`.
///
/// @param blockRows rows of a block; [#WHOLE]: all
/// @param blockCols columns of a block; [#WHOLE]: all
/// @param scale the type of the scales
record Fp8Format(int blockRows, int blockCols, Dtype scale) implements WeightFormat {
  /// Blocks of 128 × 128: the default if a config sets no block.
  static final Fp8Format USUAL = new Fp8Format(128, 128, Dtype.F32);

  private static final int WHOLE = Integer.MAX_VALUE;
  private static final String METHOD = "fp8";
  private static final String BLOCK = "weight_block_size";
  private static final String CODES = "weight";
  private static final String SCALES = "weight_scale_inv";
  private static final String ROWS = "block_rows";
  private static final String COLS = "block_cols";
  private static final String SCALE = "scale_type";
  private static final List<String> SKIPPED = List.of("modules_to_not_convert", "ignored_layers");

  @Override
  public String name() {
    return METHOD;
  }

  @Override
  public String quantMethod() {
    return METHOD;
  }

  @Override
  public Map<String, Object> variant() {
    return new TreeMap<>( // in a stable order
        Map.of(ROWS, kept(blockRows), COLS, kept(blockCols), SCALE, scale.name()));
  }

  private static int kept(int size) {
    return size == WHOLE ? Scheme.ALL : size;
  }

  @Override
  public WeightFormat in(Map<String, ?> variant) {
    Dtype type =
        Arrays.stream(Dtype.values())
            .filter(t -> t.floating() && t.name().equals(variant.get(SCALE)))
            .findFirst()
            .orElse(scale);
    return new Fp8Format(
        size(variant.get(ROWS), blockRows), size(variant.get(COLS), blockCols), type);
  }

  private static int size(@Nullable Object kept, int absent) {
    int size = kept instanceof Number n ? n.intValue() : absent;
    return size < 1 ? WHOLE : size;
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    q.supported("fmt", q.text("fmt", "e4m3"), List.of("e4m3"));
    String activations = q.text("activation_scheme", "dynamic");
    q.supported("activation_scheme", activations, List.of("dynamic"));
    if (!q.present(BLOCK)) {
      return this;
    }
    if (!q.has(BLOCK)) {
      return new Fp8Format(WHOLE, WHOLE, scale);
    }
    int[] sizes = q.list(BLOCK, 2).stream().mapToInt(n -> n.isInt() ? n.intValue() : 0).toArray();
    if (sizes[0] < 1 || sizes[1] < 1) {
      throw q.refuse(
          BLOCK
              + " is "
              + ConfigJson.show(q.node(BLOCK))
              + "; two whole numbers from 1 are needed");
    }
    return new Fp8Format(sizes[0], sizes[1], scale);
  }

  @Override
  public List<String> skipped(ConfigJson q) {
    return SKIPPED.stream().flatMap(key -> q.names(key).stream()).toList();
  }

  @Override
  public List<String> parts(String path) {
    return List.of(path + "." + CODES, path + "." + SCALES);
  }

  @Override
  public WeightFormat in(WeightFile file, Collection<String> paths) {
    return paths.stream()
        .findFirst()
        .map(path -> file.entry(path + "." + SCALES).type().dtype())
        .<WeightFormat>map(type -> new Fp8Format(blockRows, blockCols, type))
        .orElse(this);
  }

  @Override
  public StoredWeight open(WeightFile file, String path, int rows, int cols) {
    LayerParts layer = new LayerParts(file, METHOD, path, rows, cols);
    layer.check(CODES, Set.of(StoredType.F8_E4M3), "", rows, cols);
    long[] grid = {Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols)};
    boolean whole = blockRows == WHOLE && blockCols == WHOLE;
    long[] shape = whole ? new long[file.entry(layer.name(SCALES)).dims().length] : grid;
    if (whole) {
      Arrays.fill(shape, 1);
    }
    String why = whole ? "" : " with blocks of " + List.of(blockRows, blockCols);
    Tensor scales = layer.scales(SCALES, why, shape);
    return new Weight(
        Tensor.of(file.bytes(layer.name(CODES)), Dtype.U8, rows, cols),
        scales.reshaped(grid),
        Math.min(blockRows, rows),
        Math.min(blockCols, cols));
  }

  @Override
  public Dtype before(WeightFile file, String path, int rows, int cols) {
    return Dtype.BF16;
  }

  @Override
  public StoredWeight dry(String path, int rows, int cols) {
    return new Weight(
        Tensor.dry(Dtype.U8, rows, cols),
        Tensor.dry(scale, Math.ceilDiv(rows, blockRows), Math.ceilDiv(cols, blockCols)),
        Math.min(blockRows, rows),
        Math.min(blockCols, cols));
  }

  /// A weight (rows, cols) of codes and scales.
  ///
  /// Threading: immutable; the mapped file owns the bytes.
  record Weight(Tensor codes, Tensor scales, int blockRows, int blockCols)
      implements StoredWeight.ByRows {
    private static final float[] NUMBERS = new float[256];

    static {
      for (int code = 0; code < NUMBERS.length; code++) {
        int e = code >> 3 & 15;
        int m = code & 7;
        float size = e == 0 ? Math.scalb(m, -9) : Math.scalb(8f + m, e - 10);
        NUMBERS[code] = (code & 127) == 127 ? Float.NaN : code < 128 ? size : -size;
      }
    }

    @Override
    public int rows() {
      return codes.rows();
    }

    @Override
    public int cols() {
      return codes.cols();
    }

    @Override
    public List<Tensor> parts() {
      return List.of(codes, scales);
    }

    @Override
    public SkinnyProduct.Weight few() {
      return new SkinnyProduct.ByRow(rows(), cols(), bytes(), this, null);
    }

    @Override
    public void read(int row, MemorySegment to, long start) {
      long first = (long) row * cols();
      for (int block = 0; block < scales.cols(); block++) {
        int from = block * blockCols;
        int end = Math.min(from + blockCols, cols());
        float scale = (float) scales.get(row / blockRows, block);
        times(scale, codes.data(), first + from, end - from, to, start + 4L * from);
      }
    }

    private static void times(
        float scale, MemorySegment codes, long first, int n, MemorySegment to, long start) {
      for (int i = 0; i < n; i++) {
        float number = NUMBERS[codes.get(JAVA_BYTE, first + i) & 0xff];
        to.set(JAVA_FLOAT_UNALIGNED, start + 4L * i, number * scale);
      }
    }
  }
}
