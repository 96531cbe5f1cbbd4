package dev.nudge.bench.measure;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/// Describes the context of a number: date, commit, machine, load.
public final class Machines {
  private static final String UNKNOWN = "unknown";
  private static final Map<Integer, String> INTEL =
      Map.of(143, "Sapphire Rapids", 207, "Emerald Rapids", 173, "Granite Rapids");

  private Machines() {}

  /// Formats date, commit, machine and load as one line.
  public static String line() {
    return String.format(
        Locale.ROOT,
        "%s, commit %s, %s, %d processors, %.0f GiB, %s, Java %s, load %.2f",
        LocalDate.now(),
        commit(),
        processor(),
        Runtime.getRuntime().availableProcessors(),
        memoryBytes() / 1073741824.0,
        System.getProperty("os.name"),
        Runtime.version(),
        load());
  }

  public static String commit() {
    return System.getProperty("nudge.bench.commit", UNKNOWN);
  }

  /// Returns the launcher's repository.
  public static Path home() {
    return Path.of(System.getProperty("nudge.bench.home", "."));
  }

  /// Returns the folder of the benches' files: `$XDG_CACHE_HOME/nudge/bench`, else
  /// `~/.cache/nudge/bench`.
  public static Path cache() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    Path base =
        xdg != null && !xdg.isEmpty()
            ? Path.of(xdg)
            : Path.of(System.getProperty("user.home"), ".cache");
    return base.resolve("nudge").resolve("bench");
  }

  public static double load() {
    return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
  }

  /// Returns the processor's name, with family and model if known, because clouds hide names.
  static String processor() {
    String text = read(Path.of("/proc/cpuinfo"));
    String family = field(text, "cpu family");
    String flags = field(text, "flags");
    return field(text, "model name")
        + (family.equals(UNKNOWN) ? "" : " family " + family + " model " + field(text, "model"))
        + (flags.contains("amx_bf16")
            ? " (AMX)"
            : flags.contains("avx512_bf16") ? " (AVX-512 bf16)" : "");
  }

  /// Returns the processor's generation, family and model, as ` (family 25, model 17: Zen 4)`;
  /// empty if unknown.
  public static String generation() {
    String text = read(Path.of("/proc/cpuinfo"));
    return generation(field(text, "cpu family"), field(text, "model"));
  }

  public static String generation(String family, String model) {
    int number = model.matches("\\d+") ? Integer.parseInt(model) : 0;
    String name =
        switch (family) {
          case "26" -> "Zen 5";
          case "25" -> // 10h-1fh, 60h-7fh, a0h-afh
              Set.of(1, 6, 7, 10).contains(number >> 4) ? "Zen 4" : "Zen 3";
          case "6" -> INTEL.getOrDefault(number, "");
          default -> "";
        };
    return name.isEmpty() ? "" : " (family %s, model %s: %s)".formatted(family, model, name);
  }

  public static long memoryBytes() {
    String total = field(read(Path.of("/proc/meminfo")), "MemTotal").replaceAll("\\D", "");
    return total.isEmpty() ? 0 : Long.parseLong(total) * 1024;
  }

  /// Returns the boot id; rows of different boots are not compared.
  public static String boot() {
    return read(Path.of("/proc/sys/kernel/random/boot_id")).trim();
  }

  private static String field(String text, String name) {
    for (String line : text.split("\n")) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).trim().equals(name)) {
        return line.substring(colon + 1).trim();
      }
    }
    return UNKNOWN;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return ""; // not Linux
    }
  }
}
