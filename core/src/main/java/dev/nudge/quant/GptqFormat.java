package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// GPTQ as GPTQModel, AutoGPTQ and AutoRound store it. Of a layer M (out, in) with b bits:
///
/// - `M.qweight` I32 (⌈in·b/32⌉, out): an output's codes, packed down a column
/// - `M.qzeros` I32 (groups, ⌈out·b/32⌉): a group's zero points, packed along a row
/// - `M.scales` (groups, out)
/// - `M.g_idx` I32 (in): the group of each input; if absent, groups are in order
///
/// Layout `gptq` stores a zero point minus one, subtracted from whole words for 2, 4 and 8 bits, so
/// a zero point of 0 borrows from its neighbour; `gptq_v2` stores it unchanged. Published symmetric
/// files name the wrong layout, so their zeros decide.
final class GptqFormat extends GroupedFormat {
  static final String V1 = "gptq";
  static final String V2 = "gptq_v2";
  static final GptqFormat UNKNOWN = new GptqFormat(Schemes.UNKNOWN, V1, false);

  private static final List<Integer> BITS = List.of(2, 3, 4, 8);
  private static final String CODES = "qweight";
  private static final String ZEROS = "qzeros";
  private static final String SCALES = "scales";
  private static final String GROUPS = "g_idx";

  private final String layout;
  private final boolean descAct;

  private GptqFormat(Schemes schemes, String layout, boolean descAct) {
    this(schemes, layout, descAct, declared(schemes, descAct));
  }

  private GptqFormat(Schemes schemes, String layout, boolean descAct, Forms forms) {
    super(schemes, forms);
    this.layout = layout;
    this.descAct = descAct;
  }

  @Override
  GroupedFormat with(Forms forms) {
    return new GptqFormat(schemes, layout, descAct, forms);
  }

  @Override
  public String name() {
    return "gptq";
  }

  @Override
  public String quantMethod() {
    return QuantMethod.GPTQ;
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    String layout = QuantMethod.layout(q, V1);
    if (q.flag("is_marlin_format", false)) {
      layout = "marlin";
    }
    if (!layout.equals(V1) && !layout.equals(V2)) {
      throw q.refuse(
          "the layout "
              + ConfigJson.quote(layout)
              + " of GPTQ is not supported; supported: gptq, gptq_v2");
    }
    String words = q.has("pack_dtype") ? q.text("pack_dtype", null) : "int32";
    q.supported("pack_dtype", words, List.of("int32"));
    Schemes schemes = Schemes.of(q, q.has("dynamic") ? "dynamic" : "extra_config");
    int bits = schemes.all().bits();
    if (bits != 0 && !BITS.contains(bits)) {
      throw q.refuse("bits is " + bits + "; GPTQ with 2, 3, 4 or 8 bits is supported");
    }
    return new GptqFormat(schemes, layout, q.has("desc_act") && q.flag("desc_act", false));
  }

  @Override
  public List<String> parts(String path) {
    return List.of(
        path + "." + CODES, path + "." + ZEROS, path + "." + SCALES, path + "." + GROUPS);
  }

  @Override
  public boolean stores(WeightFile file, String path) {
    return super.stores(file, path) && (schemes.said() || !AwqFormat.is(file, path));
  }

  @Override
  long @Nullable [] shape(WeightFile file, String path) {
    LayerParts layer = new LayerParts(file, name(), path, 0, 0);
    int bits = schemes.of(path).bits();
    if (!layer.has(CODES) || !layer.has(SCALES) || bits == 0 && !layer.has(GROUPS)) {
      return null;
    }
    long cols =
        layer.has(GROUPS)
            ? layer.dims(GROUPS, 1)[0]
            : layer.dims(CODES, 2)[0] * 32 / schemes.of(path).bits();
    return new long[] {layer.dims(SCALES, 2)[1], cols};
  }

  @Override
  Grouped.Form form(LayerParts layer) {
    Scheme scheme = schemes.of(layer.path());
    int bits = scheme.bits() == 0 ? bits(layer) : scheme.bits();
    if (!BITS.contains(bits)) {
      throw layer.refuse(CODES, "has " + bits + " bits by config.json; GPTQ has 2, 3, 4 or 8");
    }
    int group = layer.group(SCALES, layer.dims(SCALES, 2)[0], scheme);
    return new Grouped.Form(bits, group, order(layer, group) != null);
  }

  @Override
  public StoredGroups open(WeightFile file, String path, int rows, int cols) {
    LayerParts layer = new LayerParts(file, name(), path, rows, cols);
    Grouped.Form form = form(layer);
    int bits = form.bits();
    String why = " with " + bits + " bits";
    Tensor codes = layer.words(CODES, why, BitFields.words(cols, bits), rows);
    int groups = form.groups(cols);
    Tensor scales = layer.scales(SCALES, why, groups, rows);
    Tensor zeros = layer.words(ZEROS, why, groups, BitFields.words(rows, bits));
    return new StoredGroups(
        layer,
        form,
        new Columns(codes, bits, rows, cols),
        scales,
        true,
        zeros(layer, zeros, bits, schemes.of(path)),
        order(layer, form.group()));
  }

  /// Bits of a code, from the sizes alone.
  private static int bits(LayerParts layer) {
    long words = layer.dims(CODES, 2)[0];
    for (int bits : BITS) {
      if (BitFields.words(layer.cols(), bits) == words) {
        return bits;
      }
    }
    throw layer.refuse(
        CODES, "has " + words + " rows of words, which hold " + layer.cols() + " codes of no size");
  }

  private int @Nullable [] order(LayerParts layer, int group) {
    boolean one = group == layer.cols();
    if (!layer.has(GROUPS)) {
      if (descAct && !one) {
        throw layer.missing(
            GROUPS, "config.json says desc_act, so the groups of its inputs are needed");
      }
      return null;
    }
    Tensor stored = layer.words(GROUPS, "", layer.cols());
    return !descAct && GroupOrder.all(stored, 0) ? null : GroupOrder.of(layer, GROUPS, group);
  }

  /// The zero points (rows, groups).
  private byte[] zeros(LayerParts layer, Tensor stored, int bits, Scheme scheme) {
    int rows = layer.rows();
    int groups = stored.rows();
    int middle = 1 << (bits - 1);
    byte[][] fields = new byte[groups][rows];
    for (int g = 0; g < groups; g++) {
      BitFields.read(stored, (long) g * stored.cols(), 1, bits, rows, fields[g]);
    }
    boolean less = all(fields, middle - 1);
    boolean plain = all(fields, middle);
    Boolean symmetric = scheme.symmetric();
    if ((symmetric == null || symmetric) && (less || plain)) {
      return filled(rows * groups, middle);
    }
    if (symmetric != null && symmetric) {
      throw layer.refuse(
          ZEROS,
          "has other zeros than "
              + (middle - 1)
              + " alone or "
              + middle
              + " alone, and config.json says sym; asymmetric codes need sym false");
    }
    byte[] zeros = new byte[rows * groups];
    for (int g = 0; g < groups; g++) {
      if (layout.equals(V1)) {
        plusOne(stored, g, bits, rows, fields[g]);
      }
      for (int r = 0; r < rows; r++) {
        zeros[r * groups + g] = fields[g][r];
      }
    }
    return zeros;
  }

  /// Adds one to each field: in whole words, carries included, or field by field where fields of
  /// three bits cross words.
  private static void plusOne(Tensor words, int group, int bits, int n, byte[] to) {
    if (32 % bits != 0) {
      for (int i = 0; i < n; i++) {
        to[i] = (byte) (to[i] + 1 & (1 << bits) - 1);
      }
      return;
    }
    int ones = (int) (0xffffffffL / ((1 << bits) - 1));
    int each = 32 / bits;
    for (int i = 0; i < n; i++) {
      long at = (long) group * words.cols() + i / each;
      int word = words.data().get(JAVA_INT_UNALIGNED, 4 * at) + ones;
      to[i] = (byte) (word >>> i % each * bits & (1 << bits) - 1);
    }
  }

  private static boolean all(byte[][] fields, int value) {
    for (byte[] group : fields) {
      for (byte field : group) {
        if ((field & 0xff) != value) {
          return false;
        }
      }
    }
    return true;
  }

  static byte[] filled(int n, int value) {
    byte[] all = new byte[n];
    Arrays.fill(all, (byte) value);
    return all;
  }

  /// Reads an output's codes down a column.
  private record Columns(Tensor words, int bits, int rows, int cols) implements StoredGroups.Codes {
    @Override
    public void row(int row, byte[] to) {
      BitFields.read(words, row, rows, bits, cols, to);
    }

    @Override
    public boolean inWords() {
      return (long) cols * bits % 32 == 0;
    }

    @Override
    public int word(int row, int i) {
      return words.data().get(JAVA_INT_UNALIGNED, 4 * ((long) i * rows + row));
    }
  }
}
