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

/// Foresees what a disk would refuse, and writes nothing to find out.
///
/// What counts is the disk of the nearest folder that is there. A disk that does not say how large
/// it is, as some mounts of a network do not, is taken to have the room.
public final class DiskRoom {
  /// Views by which Linux shows itself: whoever may write there can make no file.
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

  /// The kind of view that a folder is in, where nothing can be kept there; null: it is none.
  static @Nullable String view(Path there) {
    try {
      String type = Files.getFileStore(there).type();
      return VIEWS.contains(type) ? type : null;
    } catch (IOException e) {
      return null;
    }
  }

  /// Checks that what will be written fits.
  ///
  /// @param out a folder that may be missing
  /// @param bytes the most that will lie there at a time, beside what is there now
  /// @param what these bytes are
  /// @param knobs flags that make it less, such as `, or give a smaller --rank`; may be empty
  /// @throws InputException in one line, where the disk has not the room
  public static void check(Path out, long bytes, String what, String knobs) {
    long free = free(OutFolder.existing(out));
    if (bytes > free) {
      throw new InputException(
          "--out %s has not the room: up to %s are needed (%s), and %s are free; make room or give --out on another disk%s"
              .formatted(out, Bytes.shown(bytes), what, Bytes.shown(free), knobs));
    }
  }

  /// Whether something failed because the disk, or a quota, has no room. The system's words may be
  /// in another language, so a disk without room counts too.
  ///
  /// @param folder on that disk
  public static boolean isFull(Throwable failure, Path folder) {
    boolean refused = false;
    for (Throwable e = failure; e != null; e = e.getCause()) {
      String said = e instanceof IOException ? String.valueOf(e.getMessage()) : "";
      if (said.contains("No space left") || said.contains("quota exceeded")) {
        return true;
      }
      refused |= e instanceof IOException;
    }
    return refused && free(OutFolder.existing(folder)) < NOTHING;
  }

  private static long free(@Nullable Path there) {
    if (there == null) {
      return Long.MAX_VALUE;
    }
    try {
      FileStore disk = Files.getFileStore(there);
      boolean all =
          "root".equals(System.getProperty("user.name")); // who may fill what is kept back
      long free = all ? disk.getUnallocatedSpace() : disk.getUsableSpace();
      return disk.getTotalSpace() == 0 || free < 0 ? Long.MAX_VALUE : free;
    } catch (IOException e) {
      return Long.MAX_VALUE; // who begins to write will see
    }
  }

  /// Bytes of those files that are there.
  public static long bytes(Collection<Path> files) {
    long bytes = 0;
    for (Path file : files) {
      bytes += Files.isRegularFile(file) ? file.toFile().length() : 0;
    }
    return bytes;
  }
}
