package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// AWQ in the layout GEMM, as AutoAWQ, GPTQModel and AutoRound store it. Of a layer M (out, in):
///
/// - `M.qweight` I32 (in, out/8): eight outputs a word, in the order of [#NIBBLE]
/// - `M.qzeros` I32 (groups, out/8): likewise, zeros unchanged
/// - `M.scales` (groups, out)
final class AwqFormat extends GroupedFormat {
  static final AwqFormat UNKNOWN = new AwqFormat(Schemes.UNKNOWN, null);

  private static final String LAYOUT = "gemm";
  private static final String SKIPPED = "modules_to_not_convert";
  private static final String CODES = "qweight";
  private static final String ZEROS = "qzeros";
  private static final String SCALES = "scales";
  private static final int BITS = 4;
  private static final int EACH = 8; // codes of a word

  /// The four bits of a word that hold output 8k + j.
  private static final int[] NIBBLE = {0, 4, 1, 5, 2, 6, 3, 7};

  private AwqFormat(Schemes schemes, @Nullable Forms forms) {
    super(schemes, forms == null ? declared(schemes, false) : forms);
  }

  @Override
  GroupedFormat with(Forms forms) {
    return new AwqFormat(schemes, forms);
  }

  @Override
  public String name() {
    return "awq";
  }

  @Override
  public String quantMethod() {
    return QuantMethod.AWQ;
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    String layout = QuantMethod.layout(q, LAYOUT);
    if (!layout.equals(LAYOUT)) {
      throw q.refuse(
          "the layout "
              + ConfigJson.quote(layout)
              + " of AWQ is not supported; supported: "
              + LAYOUT);
    }
    Schemes schemes = Schemes.of(q, q.has("dynamic") ? "dynamic" : "extra_config");
    int bits = schemes.all().bits();
    if (bits != 0 && bits != BITS) {
      throw q.refuse("bits is " + bits + "; AWQ with 4 bits is supported");
    }
    return new AwqFormat(schemes, null);
  }

  @Override
  public List<String> skipped(ConfigJson q) {
    return q.names(SKIPPED);
  }

  @Override
  public List<String> parts(String path) {
    return List.of(path + "." + CODES, path + "." + ZEROS, path + "." + SCALES);
  }

  @Override
  public boolean stores(WeightFile file, String path) {
    return super.stores(file, path) && (schemes.said() || is(file, path));
  }

  /// Returns whether a layer's sizes are AWQ's, not GPTQ's.
  static boolean is(WeightFile file, String path) {
    LayerParts layer = new LayerParts(file, QuantMethod.AWQ, path, 0, 0);
    return layer.has(CODES)
        && layer.has(SCALES)
        && layer.dims(CODES, 2)[1] * EACH == layer.dims(SCALES, 2)[1];
  }

  @Override
  long @Nullable [] shape(WeightFile file, String path) {
    LayerParts layer = new LayerParts(file, name(), path, 0, 0);
    return layer.has(CODES) && layer.has(SCALES)
        ? new long[] {layer.dims(SCALES, 2)[1], layer.dims(CODES, 2)[0]}
        : null;
  }

  @Override
  Grouped.Form form(LayerParts layer) {
    Scheme scheme = schemes.of(layer.path());
    return new Grouped.Form(BITS, layer.group(SCALES, layer.dims(SCALES, 2)[0], scheme), false);
  }

  @Override
  public StoredGroups open(WeightFile file, String path, int rows, int cols) {
    LayerParts layer = new LayerParts(file, name(), path, rows, cols);
    Scheme scheme = schemes.of(path);
    long words = Math.ceilDiv(rows, EACH);
    Tensor codes = layer.words(CODES, "", cols, words);
    if (rows % EACH != 0) {
      throw layer.refuse(CODES, "is for " + rows + " outputs; in AWQ they are a multiple of 8");
    }
    Grouped.Form form = form(layer);
    int groups = form.groups(cols);
    Tensor scales = layer.scales(SCALES, "", groups, rows);
    byte[] zeros = new byte[rows * groups];
    if (Boolean.TRUE.equals(scheme.symmetric())) {
      Arrays.fill(zeros, (byte) (1 << (BITS - 1)));
    } else {
      Tensor stored = layer.words(ZEROS, "", groups, words);
      for (int i = 0; i < zeros.length; i++) {
        zeros[i] = code(stored, i % groups, i / groups);
      }
    }
    return new StoredGroups(
        layer,
        form,
        (row, to) -> {
          for (int c = 0; c < cols; c++) {
            to[c] = code(codes, c, row);
          }
        },
        scales,
        true,
        zeros,
        null);
  }

  /// Reads output `out`'s code in a row of words.
  private static byte code(Tensor words, int row, int out) {
    long at = (long) row * words.cols() + out / EACH;
    int word = words.data().get(JAVA_INT_UNALIGNED, 4 * at);
    return (byte) (word >>> BITS * NIBBLE[out % EACH] & 15);
  }

  /// Writes output `out`'s code into a row of zeroed words.
  static void put(Tensor words, int row, int out, byte code) {
    long at = 4 * ((long) row * words.cols() + out / EACH);
    int word = words.data().get(JAVA_INT_UNALIGNED, at);
    words.data().set(JAVA_INT_UNALIGNED, at, word | code << BITS * NIBBLE[out % EACH]);
  }
}
