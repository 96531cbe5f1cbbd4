package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.settings.verb.CalibrationSettings;
import dev.nudge.settings.verb.CalibrationSettings.Layout;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Writes codes in groups as [GptqFormat], [AwqFormat] and [PackedFormat] read them: the tensors of
/// a layer, and the config of a folder.
///
/// @param symmetric whether all zeros are the middle code
/// @param scattered whether groups are scattered (`desc_act`)
public record GroupedFile(
    Layout layout, int bits, int group, boolean symmetric, boolean scattered) {

  /// Returns the layout that the settings choose.
  public static GroupedFile of(QuantizeSettings settings) {
    CalibrationSettings c = settings.calibration();
    return new GroupedFile(
        c.layout(settings.method()),
        c.codeBits(),
        c.group(),
        c.symmetric(settings.method()),
        c.scattered());
  }

  /// The type in which scales are stored.
  ///
  /// @param before the type of the dense weight
  public Dtype scaleType(Dtype before) {
    return layout == Layout.COMPRESSED_TENSORS ? before : Dtype.F16;
  }

  /// Columns of a group in a row of `cols`.
  public int groupOf(int cols) {
    return group == CalibrationSettings.WHOLE_ROW ? cols : group;
  }

  /// Why a layer of this size is refused, or null.
  public @Nullable String misfit(int rows, int cols) {
    if (cols % groupOf(cols) != 0) {
      return "--group-size %d does not divide the %d inputs of".formatted(group, cols);
    }
    if (layout == Layout.COMPRESSED_TENSORS) {
      return null;
    }
    if ((long) rows * bits % 32 != 0) {
      return "--format %s has no place for the %d outputs of".formatted(layout, rows);
    }
    return layout != Layout.AWQ && (long) cols * bits % 32 != 0
        ? "--format %s has no place for the %d inputs of".formatted(layout, cols)
        : null;
  }

  /// Names, types and shapes of a layer's tensors.
  ///
  /// @param before the type of the dense weight
  public List<Entry> entries(String path, int rows, int cols, Dtype before) {
    int groups = cols / groupOf(cols);
    int codes = (int) BitFields.words(cols, bits);
    int zeros = (int) BitFields.words(rows, bits);
    Dtype scales = scaleType(before);
    List<Entry> entries = new ArrayList<>();
    switch (layout) {
      case GPTQ, GPTQ_V2 -> {
        entries.add(Entry.of(path + ".qweight", Dtype.I32, codes, rows));
        entries.add(Entry.of(path + ".g_idx", Dtype.I32, cols));
      }
      case AWQ -> entries.add(Entry.of(path + ".qweight", Dtype.I32, cols, zeros));
      case COMPRESSED_TENSORS -> {
        entries.add(Entry.of(path + ".weight_packed", Dtype.I32, rows, codes));
        entries.add(Entry.of(path + ".weight_scale", scales, rows, groups));
        entries.add(Entry.of(path + ".weight_shape", Dtype.I64, 2));
        if (!symmetric) {
          entries.add(Entry.of(path + ".weight_zero_point", Dtype.I32, zeros, groups));
        }
        return entries;
      }
    }
    entries.add(Entry.of(path + ".qzeros", Dtype.I32, groups, zeros));
    entries.add(Entry.of(path + ".scales", scales, groups, rows));
    return entries;
  }

  /// Writes the tensors of a layer.
  public void write(SafeTensorsWriter to, String path, Dtype before, GroupedCodes codes) {
    try (Scope scope = Scope.open("codes")) {
      for (Entry entry : entries(path, codes.rows(), codes.cols(), before)) {
        Dtype type = Objects.requireNonNull(entry.type().dtype());
        Tensor made = scope.tensor(type, entry.dims());
        fill(entry.name().substring(path.length() + 1), codes, made);
        to.write(entry.name(), made);
      }
    }
  }

  private void fill(String part, GroupedCodes codes, Tensor to) {
    int rows = codes.rows();
    int cols = codes.cols();
    int groups = codes.groups();
    switch (part) {
      case "qweight" -> {
        for (int r = 0; r < rows; r++) {
          if (layout != Layout.AWQ) {
            BitFields.write(codes.row(r), cols, bits, to, r, rows);
            continue;
          }
          byte[] row = codes.row(r);
          for (int c = 0; c < cols; c++) {
            AwqFormat.put(to, c, r, row[c]);
          }
        }
      }
      case "weight_packed" -> {
        for (int r = 0; r < rows; r++) {
          BitFields.write(codes.row(r), cols, bits, to, (long) r * to.cols(), 1);
        }
      }
      case "qzeros", "weight_zero_point" -> {
        for (int g = 0; g < groups; g++) {
          byte[] zeros = codes.zerosOf(g);
          if (layout == Layout.GPTQ && bits == 3) { // zero point 4, minus one
            Arrays.fill(zeros, (byte) 3);
          }
          switch (layout) {
            case GPTQ, GPTQ_V2 -> BitFields.write(zeros, rows, bits, to, (long) g * to.cols(), 1);
            case AWQ -> {
              for (int r = 0; r < rows; r++) {
                AwqFormat.put(to, g, r, zeros[r]);
              }
            }
            case COMPRESSED_TENSORS -> BitFields.write(zeros, rows, bits, to, g, groups);
          }
        }
        if (layout == Layout.GPTQ && bits != 3) {
          lessOne(to);
        }
      }
      case "scales", "weight_scale" -> {
        boolean byGroup = part.equals("scales");
        for (int r = 0; r < rows; r++) {
          for (int g = 0; g < groups; g++) {
            to.set(byGroup ? g : r, byGroup ? r : g, codes.scales().get(r, g));
          }
        }
      }
      case "g_idx" -> {
        for (int c = 0; c < cols; c++) {
          to.put(c, codes.groupOf(c));
        }
      }
      default -> { // weight_shape
        to.put(0, rows);
        to.put(1, cols);
      }
    }
  }

  /// Subtracts one from each zero point in whole words, as GPTQ does.
  private void lessOne(Tensor words) {
    int ones = (int) (0xffffffffL / ((1 << bits) - 1));
    for (long i = 0; i < words.elements(); i++) {
      int word = words.data().get(JAVA_INT_UNALIGNED, 4 * i);
      words.data().set(JAVA_INT_UNALIGNED, 4 * i, word - ones);
    }
  }

  /// The `quantization_config` of a folder.
  ///
  /// @param made how the codes were made, for `meta`
  /// @param dense modules that stay dense
  public Map<String, @Nullable Object> config(Map<String, ?> made, List<String> dense) {
    Map<String, @Nullable Object> q = new TreeMap<>();
    switch (layout) {
      case GPTQ, GPTQ_V2 -> {
        q.put("quant_method", "gptq");
        q.put("bits", bits);
        q.put("group_size", group);
        q.put("sym", symmetric);
        q.put("desc_act", scattered);
        q.put("lm_head", false);
        q.put("checkpoint_format", layout.toString());
        q.put("pack_dtype", "int32");
        q.put("meta", made);
      }
      case AWQ -> {
        q.put("quant_method", "awq");
        q.put("bits", bits);
        q.put("group_size", group);
        q.put("zero_point", true); // even if all zero points are 8
        q.put("version", "gemm");
        q.put("modules_to_not_convert", dense);
      }
      case COMPRESSED_TENSORS -> {
        Map<String, @Nullable Object> weights = new LinkedHashMap<>();
        boolean whole = group == CalibrationSettings.WHOLE_ROW;
        weights.put("num_bits", bits);
        weights.put("type", "int");
        weights.put("symmetric", symmetric);
        weights.put("strategy", whole ? "channel" : "group");
        weights.put("group_size", whole ? null : group);
        weights.put("actorder", Boolean.TRUE.equals(made.get("act_order")) ? "static" : null);
        weights.put("dynamic", false);
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put("targets", List.of("Linear"));
        all.put("weights", weights);
        all.put("input_activations", null);
        all.put("output_activations", null);
        all.put("format", "pack-quantized");
        q.put("quant_method", "compressed-tensors");
        q.put("format", "pack-quantized");
        q.put("quantization_status", "compressed");
        q.put("config_groups", Map.of("group_0", all));
        q.put("ignore", dense);
      }
    }
    return q;
  }
}
