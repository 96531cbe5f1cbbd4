package dev.nudge.bench.measure;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/// A memory cgroup of its own for one child process, version 1 or 2, without swap.
///
/// Its parent is this process's group, or the nearest ancestor that can hold groups with a memory
/// limit. Anonymous memory and page cache count, as the kernel counts them: pages of a file count
/// for the group that read them first.
public final class MemoryGroup implements AutoCloseable {
  private final Path folder;
  private final boolean two;

  private MemoryGroup(Path folder, boolean two) {
    this.folder = folder;
    this.two = two;
  }

  /// Makes a group with a limit of `bytes`.
  ///
  /// @throws IllegalStateException if that is not permitted
  public static MemoryGroup of(long bytes) {
    String mounts = text(Path.of("/proc/mounts"));
    String own = text(Path.of("/proc/self/cgroup"));
    Path one =
        place(
            mounts,
            own,
            "^\\S+ (\\S+) cgroup \\S*\\bmemory\\b",
            "^\\d+:[^:]*\\bmemory\\b[^:]*:(.*)$");
    if (one != null) {
      MemoryGroup group = make(one, false);
      if (group != null && group.limit("memory.limit_in_bytes", bytes)) {
        group.limit("memory.memsw.limit_in_bytes", bytes);
        return group;
      }
    }
    for (Path at = place(mounts, own, "^\\S+ (\\S+) cgroup2 ", "^0::(.*)$");
        at != null && Files.exists(at.resolve("cgroup.subtree_control"));
        at = at.getParent()) {
      if (!text(at.resolve("cgroup.subtree_control")).contains("memory")
          && !write(at.resolve("cgroup.subtree_control"), "+memory")) {
        continue; // the group holds processes
      }
      MemoryGroup group = make(at, true);
      if (group != null && group.limit("memory.max", bytes)) {
        group.limit("memory.swap.max", 0);
        return group;
      }
    }
    throw new IllegalStateException(
        "cannot make a memory cgroup: run as root, or as a user to whom one is delegated"
            + " (systemd-run --user --scope -p Delegate=yes …)");
  }

  private static @Nullable Path place(String mounts, String own, String mount, String path) {
    Matcher m = Pattern.compile(mount, Pattern.MULTILINE).matcher(mounts);
    Matcher p = Pattern.compile(path, Pattern.MULTILINE).matcher(own);
    if (!m.find() || !p.find()) {
      return null;
    }
    Path root = Path.of(m.group(1));
    Path full = Path.of(m.group(1) + p.group(1)).normalize();
    return Files.isDirectory(full) ? full : root; // inside a container the path is the host's
  }

  private static @Nullable MemoryGroup make(Path parent, boolean two) {
    Path folder = parent.resolve("nudge-bench-" + ProcessHandle.current().pid());
    try {
      Files.createDirectories(folder);
      return new MemoryGroup(folder, two);
    } catch (IOException e) {
      return null;
    }
  }

  private boolean limit(String file, long bytes) {
    return write(folder.resolve(file), Long.toString(bytes));
  }

  /// Returns the command that runs another one inside, under its id.
  List<String> command(List<String> command) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "sh",
                "-c",
                "echo $$ >\"$0\" && exec \"$@\"",
                folder.resolve("cgroup.procs").toString()));
    all.addAll(command);
    return all;
  }

  /// Returns the peak bytes charged, page cache included; 0 if the kernel does not report them.
  long peakBytes() {
    String peak = text(folder.resolve(two ? "memory.peak" : "memory.max_usage_in_bytes")).trim();
    return peak.isEmpty() ? 0 : Long.parseLong(peak);
  }

  /// Returns whether the kernel killed a process at the limit.
  boolean killed() {
    String events = text(folder.resolve(two ? "memory.events" : "memory.oom_control"));
    Matcher kills = Pattern.compile("^oom_kill (\\d+)$", Pattern.MULTILINE).matcher(events);
    return kills.find() && Long.parseLong(kills.group(1)) > 0;
  }

  private static boolean write(Path file, String value) {
    try {
      Files.writeString(file, value);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  @Override
  public void close() {
    for (int i = 0; i < 50; i++) {
      try {
        Files.deleteIfExists(folder);
        return;
      } catch (IOException e) {
        pause(); // a process is still running
      }
    }
    System.err.println("bench: the empty cgroup " + folder + " is left");
  }

  private static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
