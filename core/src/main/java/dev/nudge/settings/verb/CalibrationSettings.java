package dev.nudge.settings.verb;

import dev.nudge.settings.Check;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Setting;
import dev.nudge.settings.SettingType;
import dev.nudge.settings.TrainOn;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// How GPTQ and AWQ quantise, and their sample rows.
///
/// Defaults depend on the method; the record's own accessors return the given values.
///
/// @param bits of a code
/// @param groupSize columns that share a scale; -1: all of a row
/// @param sym whether a grid is symmetric around zero
/// @param actOrder whether GPTQ quantises the columns with the largest inputs first
/// @param staticGroups whether groups are neighbouring columns under `actOrder` too
/// @param damp share of the Hessian's mean diagonal that GPTQ adds to the diagonal
/// @param calibration files of rows
/// @param prompt pattern over a row's columns; null: the column `prompt`
/// @param completion pattern over a row's columns; null: the column `completion`
/// @param shape the columns' roles; recognised if not set
/// @param skipBadRows whether bad rows are set aside
/// @param samples most rows
/// @param maxLength tokens after which a row is cut
/// @param format files in which the codes are written
public record CalibrationSettings(
    @Setting(help = "bits of a code, 3, 4 or 8 (default: 4)") @Nullable Integer bits,
    @Setting(help = "inputs that share a scale, or -1 for all of a row (default: 128)")
        @Nullable Integer groupSize,
    @Setting(
            help = "grids symmetric around zero (default: on with gptq, off with awq)",
            negatable = true)
        @Nullable Boolean sym,
    @Setting(
            help =
                "gptq: quantise the inputs with the largest activations first (default: on, with"
                    + " --static-groups)",
            negatable = true)
        @Nullable Boolean actOrder,
    @Setting(
            help =
                "gptq: groups of neighbouring inputs in spite of --act-order; off is a little"
                    + " better and slower to serve (default: on, unless --act-order is given)",
            negatable = true)
        @Nullable Boolean staticGroups,
    @Setting(help = "gptq: damping, a share of the Hessian's mean diagonal (default: 0.01)")
        @Nullable Double damp,
    @Setting(
            help = "rows to calibrate on, in any shape that train reads; several are read in order",
            label = "FILE",
            names = Setting.Names.DATA)
        List<String> calibration,
    @Setting(help = "pattern of the prompt over a row's columns, as in train", label = "PATTERN")
        @Nullable String prompt,
    @Setting(help = "pattern of the completion, as in train", label = "PATTERN")
        @Nullable String completion,
    @Group("Data") ShapeSettings shape,
    @Setting(help = "set bad rows of --calibration aside") boolean skipBadRows,
    @Setting(help = "most rows of --calibration, from the first (default: 128)")
        @Nullable Integer samples,
    @Setting(help = "tokens after which a row of --calibration is cut (default: 2048)")
        @Nullable Integer maxLength,
    @Setting(
            help =
                "layout of the files (default: gptq, or gptq_v2 with --no-sym; awq for awq;"
                    + " compressed-tensors holds both)")
        @Nullable Layout format) {

  /// One group a row.
  public static final int WHOLE_ROW = -1;

  private static final List<Integer> BITS = List.of(3, 4, 8);

  /// The layout of the files.
  public enum Layout {
    /// AutoGPTQ's original: zero points stored minus one.
    GPTQ("gptq"),
    /// GPTQ, zero points unchanged.
    GPTQ_V2("gptq_v2"),
    /// AWQ in the layout GEMM.
    AWQ("awq"),
    /// compressed-tensors, pack-quantized.
    COMPRESSED_TENSORS("compressed-tensors");

    private final String text;

    Layout(String text) {
      this.text = text;
    }

    /// The name in flags and files.
    @Override
    public String toString() {
      return text;
    }
  }

  public CalibrationSettings {
    calibration = List.copyOf(calibration);
    if (bits != null && !BITS.contains(bits)) {
      throw Check.wrong("--bits", bits, "3, 4 or 8");
    }
    if (groupSize != null && groupSize < 1 && groupSize != WHOLE_ROW) {
      throw Check.wrong("--group-size", groupSize, "at least 1, or -1 for one group a row");
    }
    if (damp != null && !(damp > 0 && damp < 1)) {
      throw Check.wrong("--damp", damp, "above 0 and below 1");
    }
    Check.notEmpty("--completion", completion);
    shape.check(prompt, completion);
    Check.atLeast("--samples", samples, 1);
    Check.atLeast("--max-length", maxLength, 2);
    calibration.forEach(file -> Check.notBlank("--calibration", file));
    if (Boolean.FALSE.equals(actOrder) && staticGroups != null) {
      throw new InputException(
          "--static-groups and --no-act-order are both given; groups are always static in that"
              + " order, so leave one out");
    }
  }

  /// Refuses settings that the method does not use, and missing ones that it needs.
  void check(QuantizeSettings.Format method) {
    String shown = SettingType.written(method);
    List<String> unused = new ArrayList<>();
    if (method != QuantizeSettings.Format.GPTQ) {
      add(unused, "--act-order", actOrder);
      add(unused, "--static-groups", staticGroups);
      add(unused, "--damp", damp);
    }
    if (method == QuantizeSettings.Format.NF4) {
      add(unused, "--bits", bits);
      add(unused, "--group-size", groupSize);
      add(unused, "--sym", sym);
      add(unused, "--calibration", calibration.isEmpty() ? null : calibration);
      add(unused, "--prompt", prompt);
      add(unused, "--completion", completion);
      add(unused, "--columns", shape.equals(ShapeSettings.RECOGNISED) ? null : shape);
      add(unused, "--skip-bad-rows", skipBadRows ? true : null);
      add(unused, "--samples", samples);
      add(unused, "--max-length", maxLength);
      add(unused, "--format", format);
    }
    if (!unused.isEmpty()) {
      throw new InputException(
          "%s: --method %s has no use for it; leave it out, or give --method %s"
              .formatted(
                  unused.getFirst(),
                  shown,
                  method == QuantizeSettings.Format.AWQ ? "gptq" : "gptq or awq"));
    }
    if (method == QuantizeSettings.Format.NF4) {
      return;
    }
    if (calibration.isEmpty()) {
      throw new InputException(
          "--calibration is missing; --method "
              + shown
              + " needs rows like those that the model will see");
    }
    boolean awq = method == QuantizeSettings.Format.AWQ;
    if (format != null && format != Layout.COMPRESSED_TENSORS && awq != (format == Layout.AWQ)) {
      throw new InputException(
          "--format %s does not hold --method %s; it takes %s"
              .formatted(
                  format,
                  shown,
                  awq ? "awq or compressed-tensors" : "gptq, gptq_v2 or compressed-tensors"));
    }
    Layout layout = layout(method);
    if (layout == Layout.AWQ && bits(4) != 4) {
      throw new InputException(
          "--bits " + bits + ": --format awq has 4 bits; give --format compressed-tensors");
    }
    if (layout == Layout.GPTQ && bits(4) == 3 && !symmetric(method)) {
      throw new InputException(
          "--no-sym: in --format gptq with 3 bits a zero of 0 is read in different ways; give"
              + " --format gptq_v2");
    }
    if (layout == Layout.COMPRESSED_TENSORS && Boolean.FALSE.equals(staticGroups)) {
      throw new InputException(
          "--no-static-groups: --format compressed-tensors has only groups of neighbouring inputs;"
              + " give --format gptq");
    }
  }

  /// The rows, and how they are read.
  public DataSettings data() {
    return new DataSettings(calibration, prompt, completion, shape, TrainOn.ASSISTANT, skipBadRows);
  }

  private static void add(List<String> unused, String flag, @Nullable Object value) {
    if (value != null) {
      unused.add(Boolean.FALSE.equals(value) ? flag.replaceFirst("--", "--no-") : flag);
    }
  }

  private int bits(int otherwise) {
    return Objects.requireNonNullElse(bits, otherwise);
  }

  /// Bits of a code.
  public int codeBits() {
    return bits(4);
  }

  /// Inputs that share a scale; [#WHOLE_ROW]: all.
  public int group() {
    return Objects.requireNonNullElse(groupSize, 128);
  }

  /// Whether grids are symmetric with a method.
  public boolean symmetric(QuantizeSettings.Format method) {
    return Objects.requireNonNullElse(sym, method == QuantizeSettings.Format.GPTQ);
  }

  /// Whether GPTQ quantises the inputs with the largest activations first.
  public boolean ordered() {
    return !Boolean.FALSE.equals(actOrder);
  }

  /// Whether the inputs of a group are scattered.
  public boolean scattered() {
    boolean asked =
        staticGroups == null
            ? Boolean.TRUE.equals(actOrder) && format != Layout.COMPRESSED_TENSORS
            : !staticGroups;
    return ordered() && asked && group() != WHOLE_ROW;
  }

  /// The damping of GPTQ.
  public double damping() {
    return Objects.requireNonNullElse(damp, 0.01);
  }

  /// Most rows.
  public int rows() {
    return Objects.requireNonNullElse(samples, 128);
  }

  /// Most tokens of a row.
  public int tokens() {
    return Objects.requireNonNullElse(maxLength, 2048);
  }

  /// The layout of the files with a method.
  public Layout layout(QuantizeSettings.Format method) {
    if (format != null) {
      return format;
    }
    return method == QuantizeSettings.Format.AWQ
        ? Layout.AWQ
        : symmetric(method) ? Layout.GPTQ : Layout.GPTQ_V2;
  }
}
