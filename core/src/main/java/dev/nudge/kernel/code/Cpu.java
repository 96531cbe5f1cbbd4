package dev.nudge.kernel.code;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;

/// Reads the instruction sets that Linux reports.
final class Cpu {
  private static final Path INFO = Path.of("/proc/cpuinfo");

  private Cpu() {}

  /// Returns whether this is Linux on x86-64 with all these flags; Linux lists a flag only if it
  /// saves its registers.
  static boolean has(String... flags) {
    return System.getProperty("os.name", "").equals("Linux")
        && Set.of("amd64", "x86_64")
            .contains(System.getProperty("os.arch", "").toLowerCase(Locale.ROOT))
        && flags().containsAll(Arrays.asList(flags));
  }

  private static Set<String> flags() {
    try (var lines = Files.lines(INFO, StandardCharsets.ISO_8859_1)) {
      return new HashSet<>(
          lines
              .filter(line -> line.startsWith("flags"))
              .findFirst()
              .map(line -> Arrays.asList(line.substring(line.indexOf(':') + 1).strip().split(" ")))
              .orElseGet(java.util.List::of));
    } catch (IOException | UncheckedIOException e) {
      return Set.of();
    }
  }
}
