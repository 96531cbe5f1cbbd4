package dev.nudge.cli.machine;

import com.sun.management.OperatingSystemMXBean;
import dev.nudge.cli.console.Failure;
import dev.nudge.machine.SystemMemory;
import dev.nudge.settings.Count;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;

/// Checks processor, memory and disk for `nudge doctor`; unknown values are reported as such.
final class Hardware {
  private static final long GB = 1L << 30;
  private static final List<String> WANTED =
      List.of("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16", "i8mm");

  private final Path root;

  /// @param root folder of `/proc` and `/sys`
  Hardware(Path root) {
    this.root = root;
  }

  private SystemMemory system() {
    return new SystemMemory(root);
  }

  Finding processor() {
    String info = text("proc/cpuinfo");
    String model = field(info, "model name");
    String arch = System.getProperty("os.arch", "unknown");
    List<String> flags =
        Arrays.asList((field(info, "flags") + " " + field(info, "Features")).split("\\s+"));
    List<String> has = WANTED.stream().filter(flags::contains).toList();
    String found =
        String.format(
            Locale.ROOT,
            "%s, %s%s",
            Count.of(Runtime.getRuntime().availableProcessors(), "processor"),
            model.isEmpty() ? arch : model + " (" + arch + ")",
            has.isEmpty() ? "" : ", " + String.join(" ", has));
    boolean x86 = arch.equals("amd64") || arch.equals("x86_64");
    if (x86 && !info.isEmpty() && !has.contains("avx2")) {
      return Finding.costs("processor", found, "no AVX2: training is many times slower");
    }
    if (x86 && !info.isEmpty() && !has.contains("avx512f")) {
      return Finding.costs("processor", found, "no AVX-512: about half the speed in fp32");
    }
    return Finding.ok("processor", found);
  }

  Finding memory() {
    OperatingSystemMXBean whole =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long total = whole.getTotalMemorySize(); // the container's limit, if there is one
    OptionalLong limit = system().limitBytes();
    long room = system().freeBytes();
    String found =
        gigabytes(total)
            + ", "
            + gigabytes(room)
            + " available"
            + (limit.isPresent() ? ", container limit " + gigabytes(limit.getAsLong()) : "");
    return room < 2 * GB
        ? Finding.costs("memory", found, "below 2 GB only tiny models fit; close other programs")
        : Finding.ok("memory", found);
  }

  /// Checks the disk of the working directory.
  static Finding disk(Path work) {
    try {
      long free = Files.getFileStore(work).getUsableSpace();
      String found = work + ", " + gigabytes(free) + " free";
      return free < GB
          ? Finding.costs(
              "disk", found, "an adapter takes megabytes, a model folder as much as its base")
          : Finding.ok("disk", found);
    } catch (IOException e) {
      return Finding.costs("disk", work + ", unknown", Failure.of(e).line());
    }
  }

  /// Checks the disk of the cache folder, and that the folder is writable.
  static Finding cache(Path cache) {
    try {
      Files.createDirectories(cache);
      Files.delete(Files.createTempFile(cache, "doctor", ".tmp"));
      long free = Files.getFileStore(cache).getUsableSpace();
      String found = cache + ", " + gigabytes(free) + " free";
      return free < GB / 4
          ? Finding.costs("cache folder", found, "unpacked libraries take 110 MB")
          : Finding.ok("cache folder", found);
    } catch (IOException e) {
      return Finding.costs(
          "cache folder",
          cache + ", not writable",
          Failure.of(e).line()
              + ": libraries can only be used where they are unpacked already, digests of models"
              + " are computed each time; set NUDGE_CACHE to a folder that can be written");
    }
  }

  private String text(String file) {
    try {
      return Files.readString(root.resolve(file));
    } catch (IOException e) {
      return "";
    }
  }

  /// Returns the value after `name :` in the first such line.
  private static String field(String text, String name) {
    return text.lines()
        .filter(line -> line.startsWith(name) && line.contains(":"))
        .findFirst()
        .map(line -> line.substring(line.indexOf(':') + 1).strip())
        .orElse("");
  }

  static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GB", bytes / (double) GB);
  }
}
