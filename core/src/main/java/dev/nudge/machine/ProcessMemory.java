package dev.nudge.machine;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// Reads how much memory this process holds, where the system tells.
public final class ProcessMemory {
  private ProcessMemory() {}

  /// Resident anonymous memory in MiB; NaN where it cannot be read.
  public static double rssAnonMb() {
    return read("RssAnon:");
  }

  /// The most memory that was resident at once so far, mapped files included, in MiB; NaN where it
  /// cannot be read.
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
