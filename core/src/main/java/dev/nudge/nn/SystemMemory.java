package dev.nudge.nn;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/// Says how much memory this process may still take: what the system has, within the limit of its
/// container.
///
/// @param root where `/proc` and `/sys` are
public record SystemMemory(Path root) {

  /// This system's.
  public static SystemMemory here() {
    return new SystemMemory(Path.of("/"));
  }

  /// Bytes that are free for a run. Where the system does not tell what it could give back, what
  /// nobody holds.
  public long freeBytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return Math.min(
        available().orElse(system.getFreeMemorySize()), limitBytes().orElse(Long.MAX_VALUE));
  }

  /// The limit of the control group, if it is one: version 2, then version 1.
  public OptionalLong limitBytes() {
    for (String file :
        List.of("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory/memory.limit_in_bytes")) {
      String limit = text(file).strip();
      if (limit.matches("\\d{1,18}")) { // version 1 says "none" by 19 digits
        return OptionalLong.of(Long.parseLong(limit));
      }
    }
    return OptionalLong.empty();
  }

  private OptionalLong available() {
    return text("proc/meminfo")
        .lines()
        .filter(line -> line.startsWith("MemAvailable:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
        .findFirst();
  }

  private String text(String file) {
    try {
      return Files.readString(root.resolve(file));
    } catch (IOException e) {
      return "";
    }
  }
}
