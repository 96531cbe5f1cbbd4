package dev.nudge.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Reads how much memory this process uses, on systems that report it.
public final class ProcessMemory {
  private ProcessMemory() {}

  /// Resident anonymous memory in MiB; NaN if it cannot be read.
  public static double rssAnonMb() {
    return read("RssAnon:");
  }

  /// Peak resident memory so far in MiB, mapped files included; NaN if it cannot be read.
  public static double peakMb() {
    return read("VmHWM:");
  }

  private static double read(String key) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
        if (line.startsWith(key)) {
          return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
        }
      }
    } catch (IOException e) {
      return Double.NaN; // not Linux
    }
    return Double.NaN;
  }
}
