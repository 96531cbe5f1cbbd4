package dev.nudge.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// Names the kind of processor that computes: two machines of one kind give the same bits.
final class Processor {
  /// The CPU flags that results of matrix products and kernels may depend on.
  private static final Pattern WORTH = Pattern.compile("(avx|amx|fma|f16c|asimd|sve|bf16|i8mm).*");

  private static final List<String> FIELDS =
      List.of("vendor_id", "cpu family", "model", "CPU implementer", "CPU part");

  private Processor() {}

  /// The kind of this machine's processor.
  ///
  /// @param products the instructions that the loaded GEMM library uses, as it reports them
  static String here(String products) {
    return of(Path.of("/proc/cpuinfo")) + (products.isEmpty() ? "" : "; products " + products);
  }

  /// @param info a file as Linux's `/proc/cpuinfo`; if it is missing, the architecture is returned
  static String of(Path info) {
    String text;
    try {
      text = Files.isReadable(info) ? Files.readString(info) : "";
    } catch (IOException e) {
      text = "";
    }
    String known = text;
    String name =
        FIELDS.stream()
            .map(field -> value(known, field))
            .filter(value -> !value.isEmpty())
            .collect(Collectors.joining(" "));
    String instructions =
        Stream.of("flags", "Features")
            .flatMap(field -> Arrays.stream(value(known, field).split("\\s+")))
            .filter(flag -> WORTH.matcher(flag).matches())
            .sorted()
            .distinct()
            .collect(Collectors.joining(" "));
    String arch = System.getProperty("os.arch", "unknown").toLowerCase(Locale.ROOT);
    return arch
        + (name.isEmpty() ? "" : " " + name)
        + (instructions.isEmpty() ? "" : ": " + instructions);
  }

  private static String value(String text, String field) {
    Matcher line =
        Pattern.compile("^" + Pattern.quote(field) + "\\s*:\\s*(.*)$", Pattern.MULTILINE)
            .matcher(text);
    return line.find() ? line.group(1).strip() : "";
  }
}
