package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.WeightFile;
import dev.nudge.tensor.Tensor;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The layout `pack-quantized` of compressed-tensors, as llm-compressor stores GPTQ, AWQ and
/// nearest rounding. Of a layer M (out, in) with b bits, codes and zeros plus 2^(b−1):
///
/// - `M.weight_packed` I32 (out, ⌈in·b/32⌉): an output's codes, packed along a row
/// - `M.weight_scale` (out, groups)
/// - `M.weight_zero_point` I32 (⌈out·b/32⌉, groups): a group's, packed down a column, or, in older
///   files, I8 (out, groups), unpacked; only if asymmetric
/// - `M.weight_shape` I64 (2): out, in
/// - `M.weight_g_idx` I32 (in): the group of each input, only in older files
final class PackedFormat extends GroupedFormat {
  static final PackedFormat UNKNOWN = new PackedFormat(Schemes.UNKNOWN, null);

  private static final String LAYOUT = "pack-quantized";
  private static final String CODES = "weight_packed";
  private static final String SCALES = "weight_scale";
  private static final String ZEROS = "weight_zero_point";
  private static final String SHAPE = "weight_shape";
  private static final String GROUPS = "weight_g_idx";

  private PackedFormat(Schemes schemes, @Nullable Forms forms) {
    super(schemes, forms == null ? declared(schemes, false) : forms);
  }

  @Override
  GroupedFormat with(Forms forms) {
    return new PackedFormat(schemes, forms);
  }

  @Override
  public String name() {
    return "compressed-tensors";
  }

  @Override
  public String quantMethod() {
    return QuantMethod.COMPRESSED_TENSORS;
  }

  @Override
  public WeightFormat declared(ConfigJson q) {
    for (String key : new String[] {"sparsity_config", "transform_config"}) {
      ConfigJson other = q.object(key);
      if (other != null
          && !other.isEmpty()
          && !(other.has("format") && other.text("format", null).equals("dense"))) {
        throw q.refuse(key + " is given; only weights without sparsity and rotation are supported");
      }
    }
    ConfigJson groups = q.object("config_groups");
    if (groups == null) {
      throw q.refuse("config_groups is missing; it is needed");
    }
    Scheme all = Scheme.UNKNOWN;
    Map<String, Scheme> others = new LinkedHashMap<>();
    for (String name : groups.plain().keySet()) {
      ConfigJson group = groups.object(name);
      ConfigJson weights = group == null ? null : group.object("weights");
      if (group == null || weights == null) {
        throw groups.refuse(name + ".weights is missing; it is needed");
      }
      check(q, group, weights);
      Scheme scheme = Scheme.of(weights);
      scheme =
          channel(weights) ? new Scheme(scheme.bits(), Scheme.ALL, scheme.symmetric()) : scheme;
      for (JsonNode node : group.list("targets", -1)) {
        String target = node.asString("");
        if (target.equals("Linear")) {
          all = scheme;
        } else if (target.startsWith("re:")) {
          others.put(Schemes.checked(group, target.substring(3)), scheme);
        } else {
          others.put(target.replaceAll("\\W", "\\\\$0") + "$", scheme);
        }
      }
    }
    return new PackedFormat(new Schemes(all, others), null);
  }

  private static void check(ConfigJson q, ConfigJson group, ConfigJson weights) {
    for (ConfigJson named : List.of(q, group)) {
      String layout = named.has("format") ? named.text("format", null) : LAYOUT;
      boolean each = named == q && layout.equals("mixed-precision"); // each group names its own
      if (!layout.equals(LAYOUT) && !each) {
        throw named.refuse(
            "format " + ConfigJson.quote(layout) + " is not supported; supported: " + LAYOUT);
      }
    }
    if (group.has("input_activations")) {
      throw group.refuse("input_activations is given; only weights may be quantised");
    }
    String type = weights.has("type") ? weights.text("type", null) : "int";
    weights.supported("type", type, List.of("int"));
    weights.supported("strategy", strategy(weights), List.of("group", "channel"));
    int bits = Scheme.of(weights).bits();
    if (bits < 2 || bits > 8) {
      throw weights.refuse("num_bits is " + bits + "; 2 to 8 bits are supported");
    }
  }

  private static boolean channel(ConfigJson weights) {
    return strategy(weights).equals("channel");
  }

  private static String strategy(ConfigJson weights) {
    return weights.has("strategy") ? weights.text("strategy", null) : "group";
  }

  @Override
  public List<String> skipped(ConfigJson q) {
    return q.names("ignore");
  }

  @Override
  public List<String> parts(String path) {
    return List.of(
        path + "." + CODES,
        path + "." + SCALES,
        path + "." + ZEROS,
        path + "." + SHAPE,
        path + "." + GROUPS);
  }

  @Override
  long @Nullable [] shape(WeightFile file, String path) {
    LayerParts layer = new LayerParts(file, name(), path, 0, 0);
    if (!layer.has(SHAPE) || layer.dims(SHAPE, 1)[0] != 2) {
      return null;
    }
    Tensor shape = file.tensor(layer.name(SHAPE));
    return new long[] {(long) shape.at(0), (long) shape.at(1)};
  }

  @Override
  Grouped.Form form(LayerParts layer) {
    Scheme scheme = schemes.of(layer.path());
    int bits = scheme.bits() == 0 ? bits(layer) : scheme.bits();
    int group = layer.group(SCALES, layer.dims(SCALES, 2)[1], scheme);
    return new Grouped.Form(bits, group, order(layer, group) != null);
  }

  @Override
  public StoredGroups open(WeightFile file, String path, int rows, int cols) {
    LayerParts layer = new LayerParts(file, name(), path, rows, cols);
    long[] shape = shape(file, path);
    if (shape != null && (shape[0] != rows || shape[1] != cols)) {
      throw layer.refuse(
          SHAPE, "is " + Arrays.toString(shape) + ", config.json says " + List.of(rows, cols));
    }
    Grouped.Form form = form(layer);
    int bits = form.bits();
    String why = " with " + bits + " bits";
    Tensor codes = layer.words(CODES, why, rows, BitFields.words(cols, bits));
    int groups = form.groups(cols);
    Tensor scales = layer.scales(SCALES, why, rows, groups);
    return new StoredGroups(
        layer,
        form,
        new Rows(codes, bits, cols),
        scales,
        false,
        zeros(layer, bits, groups, schemes.of(path)),
        order(layer, form.group()));
  }

  /// Bits of a code, from the sizes alone.
  private static int bits(LayerParts layer) {
    long words = layer.dims(CODES, 2)[1];
    for (int bits : new int[] {4, 8, 2, 3, 5, 6, 7}) {
      if (BitFields.words(layer.cols(), bits) == words) {
        return bits;
      }
    }
    throw layer.refuse(
        CODES, "has " + words + " words a row, which hold " + layer.cols() + " codes of no size");
  }

  private static byte[] zeros(LayerParts layer, int bits, int groups, Scheme scheme) {
    int rows = layer.rows();
    int middle = 1 << (bits - 1);
    if (!layer.has(ZEROS)) {
      if (Boolean.FALSE.equals(scheme.symmetric())) {
        throw layer.missing(ZEROS, "config.json says symmetric false, so it is needed");
      }
      return GptqFormat.filled(rows * groups, middle);
    }
    byte[] zeros = new byte[rows * groups];
    if (layer.dims(ZEROS, 2)[0] == rows && BitFields.words(rows, bits) != rows) {
      Tensor plain = layer.bytes(ZEROS, "", rows, groups);
      for (int i = 0; i < zeros.length; i++) {
        zeros[i] = (byte) (plain.at(i) + middle);
      }
      return zeros;
    }
    Tensor packed = layer.words(ZEROS, "", BitFields.words(rows, bits), groups);
    byte[] column = new byte[rows];
    for (int g = 0; g < groups; g++) {
      BitFields.read(packed, g, groups, bits, rows, column);
      for (int r = 0; r < rows; r++) {
        zeros[r * groups + g] = column[r];
      }
    }
    return zeros;
  }

  private static int @Nullable [] order(LayerParts layer, int group) {
    return !layer.has(GROUPS)
            || GroupOrder.all(layer.words(GROUPS, "", layer.cols()), -1) // never set
        ? null
        : GroupOrder.of(layer, GROUPS, group);
  }

  /// Codes of an output in a row of words.
  private record Rows(Tensor words, int bits, int cols) implements StoredGroups.Codes {
    @Override
    public void row(int row, byte[] to) {
      BitFields.read(words, (long) row * words.cols(), 1, bits, cols, to);
    }

    @Override
    public boolean inWords() {
      return (long) cols * bits % 32 == 0;
    }

    @Override
    public int word(int row, int i) {
      return words.data().get(JAVA_INT_UNALIGNED, 4 * ((long) row * words.cols() + i));
    }
  }
}
