package dev.nudge.machine;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/// Says how much memory this process may still take: what the system has, within the limit of its
/// container.
///
/// @param root where `/proc` and `/sys` are
public record SystemMemory(Path root) {

  /// Returns the memory of the system that this process runs on.
  public static SystemMemory here() {
    return new SystemMemory(Path.of("/"));
  }

  /// Bytes that are free for a run. Where the system does not tell what it could give back, only
  /// what nobody holds counts.
  public long freeBytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return Math.min(
        available().orElse(system.getFreeMemorySize()), limitBytes().orElse(Long.MAX_VALUE));
  }

  /// The least limit of the control group of this process and of those above it, if there is one:
  /// version 2 and version 1.
  public OptionalLong limitBytes() {
    return Stream.concat(Stream.of("0::/", "0:memory:/"), text("proc/self/cgroup").lines())
        .flatMap(SystemMemory::limitFiles)
        .map(file -> text(file).strip())
        .filter(limit -> limit.matches("\\d{1,18}")) // version 1 says "none" by 19 digits
        .mapToLong(Long::parseLong)
        .min();
  }

  /// The files with the limits of a group, `number:controllers:/path`, and of those above it.
  private static Stream<String> limitFiles(String group) {
    String[] parts = group.split(":", 3);
    boolean known = parts.length == 3 && parts[2].startsWith("/");
    boolean second = known && parts[1].isEmpty();
    boolean first = known && List.of(parts[1].split(",")).contains("memory");
    if (!second && !first) {
      return Stream.empty();
    }
    String root = second ? "sys/fs/cgroup" : "sys/fs/cgroup/memory";
    String name = second ? "memory.max" : "memory.limit_in_bytes";
    List<String> files = new ArrayList<>();
    for (Path p = Path.of(parts[2]); p != null; p = p.getParent()) {
      files.add(root + "/" + Path.of("/").relativize(p) + "/" + name);
    }
    return files.stream();
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
