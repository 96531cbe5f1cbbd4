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

/// Measures the memory that this process may still allocate: the system's, within the limit of its
/// container (cgroup).
///
/// @param root where `/proc` and `/sys` are
public record SystemMemory(Path root) {

  /// Measures the system that this process runs on.
  public static SystemMemory here() {
    return new SystemMemory(Path.of("/"));
  }

  /// Bytes that are free for a run: available memory on Linux, else only memory that is unused.
  public long freeBytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return Math.min(
        available().orElse(system.getFreeMemorySize()), leftBytes().orElse(Long.MAX_VALUE));
  }

  /// Bytes that there are, in use or not: the machine's, or the container's limit if it is less.
  public long totalBytes() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    return Math.min(system.getTotalMemorySize(), limitBytes().orElse(Long.MAX_VALUE));
  }

  /// The least memory left below the limit of any of this process's cgroups; pages of files count
  /// as free, because the system reclaims them.
  OptionalLong leftBytes() {
    return groups()
        .filter(group -> limit(group).isPresent())
        .mapToLong(group -> Math.max(0, limit(group).getAsLong() - usedBytes(group)))
        .min();
  }

  private long usedBytes(Group group) {
    String used =
        text(group.folder + (group.second ? "/memory.current" : "/memory.usage_in_bytes"));
    long files =
        text(group.folder + "/memory.stat")
            .lines()
            .filter(
                line -> line.matches((group.second ? "" : "total_") + "(in)?active_file \\d{1,18}"))
            .mapToLong(line -> Long.parseLong(line.substring(line.indexOf(' ') + 1)))
            .sum();
    return used.strip().matches("\\d{1,18}")
        ? Math.max(0, Long.parseLong(used.strip()) - files)
        : 0;
  }

  /// The least limit of this process's cgroup and its parents, if there is one: version 2 and
  /// version 1.
  public OptionalLong limitBytes() {
    return groups().flatMapToLong(group -> limit(group).stream()).min();
  }

  /// A cgroup that limits memory.
  ///
  /// @param folder its files, relative to the root
  /// @param second whether it is of cgroup version 2
  private record Group(String folder, boolean second) {}

  private OptionalLong limit(Group group) {
    String limit =
        text(group.folder + (group.second ? "/memory.max" : "/memory.limit_in_bytes")).strip();
    return limit.matches("\\d{1,18}") // version 1 says "none" by 19 digits
        ? OptionalLong.of(Long.parseLong(limit))
        : OptionalLong.empty();
  }

  private Stream<Group> groups() {
    return Stream.concat(Stream.of("0::/", "0:memory:/"), text("proc/self/cgroup").lines())
        .flatMap(SystemMemory::groups);
  }

  /// A cgroup, `number:controllers:/path`, and its parents.
  private static Stream<Group> groups(String group) {
    String[] parts = group.split(":", 3);
    boolean known = parts.length == 3 && parts[2].startsWith("/");
    boolean second = known && parts[1].isEmpty();
    boolean first = known && List.of(parts[1].split(",")).contains("memory");
    if (!second && !first) {
      return Stream.empty();
    }
    String root = second ? "sys/fs/cgroup" : "sys/fs/cgroup/memory";
    List<Group> groups = new ArrayList<>();
    for (Path p = Path.of(parts[2]); p != null; p = p.getParent()) {
      groups.add(new Group(root + "/" + Path.of("/").relativize(p), second));
    }
    return groups.stream();
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
