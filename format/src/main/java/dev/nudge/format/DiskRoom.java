package dev.nudge.format;

import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Checks free disk space before a run writes, without writing.
///
/// The disk of the nearest existing parent folder counts. A disk that does not report its size, as
/// some network mounts do not, counts as large enough.
public final class DiskRoom {
  /// Virtual file systems of Linux, in which no file can be made.
  private static final Set<String> VIEWS =
      Set.of(
          "proc",
          "sysfs",
          "cgroup",
          "cgroup2",
          "devpts",
          "securityfs",
          "debugfs",
          "tracefs",
          "configfs",
          "pstore",
          "efivarfs",
          "binfmt_misc");

  private static final long NOTHING = 4096; // bytes

  private DiskRoom() {}

  /// Returns the type of a folder's virtual file system; null: the folder is on a real disk.
  static @Nullable String view(Path folder) {
    try {
      String type = Files.getFileStore(folder).type();
      return VIEWS.contains(type) ? type : null;
    } catch (IOException e) {
      return null;
    }
  }

  /// Checks that the files to write fit.
  ///
  /// @param out a folder that may be missing
  /// @param bytes peak disk space of these files, in addition to existing ones
  /// @param what a description of these files
  /// @param knobs flags that reduce `bytes`, such as `, or give a smaller --rank`; may be empty
  /// @throws InputException in one line, if there is not enough disk space
  public static void check(Path out, long bytes, String what, String knobs) {
    long free = free(out);
    if (bytes > free) {
      throw new InputException(
          "--out %s has too little free space: up to %s are needed (%s), and %s are free; make room or give --out on another disk%s"
              .formatted(out, Bytes.shown(bytes), what, Bytes.shown(free), knobs));
    }
  }

  /// Returns whether a failure means a full disk or quota. The system's message may be in another
  /// language, so a failure on a disk without free space counts too.
  ///
  /// @param folder a folder on that disk
  public static boolean isFull(Throwable failure, Path folder) {
    boolean refused = false;
    for (Throwable e = failure; e != null; e = e.getCause()) {
      String said = e instanceof IOException ? String.valueOf(e.getMessage()) : "";
      if (said.contains("No space left") || said.contains("quota exceeded")) {
        return true;
      }
      refused |= e instanceof IOException;
    }
    return refused && free(folder) < NOTHING;
  }

  /// Free bytes of the disk of a folder that may be missing.
  public static long free(Path folder) {
    return freeOf(OutFolder.existing(folder));
  }

  private static long freeOf(@Nullable Path there) {
    if (there == null) {
      return Long.MAX_VALUE;
    }
    try {
      FileStore disk = Files.getFileStore(there);
      boolean all =
          "root".equals(System.getProperty("user.name")); // root may use the reserved blocks
      long free = all ? disk.getUnallocatedSpace() : disk.getUsableSpace();
      return disk.getTotalSpace() == 0 || free < 0 ? Long.MAX_VALUE : free;
    } catch (IOException e) {
      return Long.MAX_VALUE; // the next write reports the error
    }
  }

  /// Total bytes of the files that exist.
  public static long bytes(Collection<Path> files) {
    long bytes = 0;
    for (Path file : files) {
      bytes += Files.isRegularFile(file) ? file.toFile().length() : 0;
    }
    return bytes;
  }
}
