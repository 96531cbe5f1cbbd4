package dev.nudge.machine;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Reserves memory for runs of several processes on one machine.
///
/// A run that is only planned has not touched its memory, and the system still calls that memory
/// free. So each run makes a file `PID.BYTES.NAME` in a shared folder, and holds a lock on it
/// until the run ends. The lock ends with the process: the next reader deletes a file without a
/// lock. The memory that a run has still to allocate is its planned bytes less its process's
/// resident memory; on systems other than Linux, which do not report that, it is all planned
/// bytes.
///
/// Planning takes a while, and other runs may reserve memory meanwhile: then [#take] returns null
/// if both do not fit, and the caller reads the reservations [#again] and plans anew.
///
/// A file that cannot be read or made is ignored: a run never fails because of it.
///
/// Threading: immutable but for this process's own reservations, which one lock guards; it is held
/// while a small folder is read.
public final class Reservations {
  private static final Reservations NONE = new Reservations(null, Path.of("/"), 0, Map.of());
  private static final Pattern NAME = Pattern.compile("(\\d{1,18})\\.(\\d{1,18})\\.[0-9a-f-]+");
  private static final String LOCK = "lock";

  private static final Set<Path> HELD = new HashSet<>(); // by this process

  private final @Nullable Path folder;
  private final Path root;
  private final long pid;
  private final Map<String, Announced> seen;

  private Reservations(@Nullable Path folder, Path root, long pid, Map<String, Announced> seen) {
    this.folder = folder;
    this.root = root;
    this.pid = pid;
    this.seen = seen;
  }

  /// The reservation of one run, as its file names it.
  private record Announced(long pid, long bytes) {}

  /// Ignores other runs and reserves nothing.
  public static Reservations none() {
    return NONE;
  }

  /// Reads the reservations in a folder now; the folder may be absent.
  public static Reservations in(Path folder) {
    return in(folder, Path.of("/"), ProcessHandle.current().pid());
  }

  /// @param root where `/proc` is
  static Reservations in(Path folder, Path root, long pid) {
    Map<String, Announced> seen =
        Files.isDirectory(folder) ? turn(folder, () -> living(folder), Map.of()) : Map.of();
    return new Reservations(folder.toAbsolutePath(), root, pid, seen);
  }

  /// Reads the same folder once more.
  public Reservations again() {
    return folder == null ? this : in(folder, root, pid);
  }

  /// Number of reservations when the folder was read.
  public int runs() {
    return seen.size();
  }

  /// Bytes that other runs have reserved and their processes have not allocated at this moment.
  public long aheadBytes() {
    Map<Long, Long> planned =
        seen.values().stream()
            .collect(
                Collectors.groupingBy(Announced::pid, Collectors.summingLong(Announced::bytes)));
    return planned.entrySet().stream()
        .mapToLong(e -> Math.max(0, e.getValue() - heldBytes(e.getKey())))
        .sum();
  }

  /// Bytes of the reservations that were made after `earlier` was read.
  long newBytes(Reservations earlier) {
    return newBytes(seen, earlier.seen);
  }

  private static long newBytes(Map<String, Announced> now, Map<String, Announced> before) {
    return now.entrySet().stream()
        .filter(e -> !before.containsKey(e.getKey()))
        .mapToLong(e -> e.getValue().bytes())
        .sum();
  }

  private long heldBytes(long process) {
    try (Stream<String> lines = Files.lines(root.resolve("proc/" + process + "/status"))) {
      return lines
          .filter(line -> line.startsWith("RssAnon:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst()
          .orElse(0);
    } catch (IOException | java.io.UncheckedIOException e) {
      return 0;
    }
  }

  /// Reserves memory for a run until the result is closed.
  ///
  /// @param planned bytes of the run
  /// @param free bytes that were free when these reservations were read
  /// @return null if others have reserved memory since, and the run does not fit beside them
  public @Nullable Reservation take(long planned, long free) {
    Path in = folder;
    if (in == null) {
      return new Reservation(null, null);
    }
    Reservation unknown = new Reservation(null, null);
    try {
      Files.createDirectories(in);
    } catch (IOException e) {
      return unknown;
    }
    Answer answer = turn(in, () -> take(in, planned, free), new Answer(unknown));
    return answer.taken();
  }

  private record Answer(@Nullable Reservation taken) {}

  private Answer take(Path in, long planned, long free) throws IOException {
    long others = newBytes(living(in), seen);
    if (others > 0 && planned > free - others) {
      return new Answer(null);
    }
    Path file = in.resolve("%d.%d.%s".formatted(pid, planned, UUID.randomUUID()));
    FileChannel channel =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    Reservation taken = new Reservation(file, channel);
    HELD.add(file);
    try {
      if (channel.tryLock() != null) {
        return new Answer(taken);
      }
    } catch (IOException | OverlappingFileLockException e) {
      // no locks here, so nobody could tell when it ends
    }
    taken.close();
    return new Answer(new Reservation(null, null));
  }

  /// A reservation that this process holds.
  public static final class Reservation implements AutoCloseable {
    private final @Nullable Path file;
    private final @Nullable FileChannel channel;

    private Reservation(@Nullable Path file, @Nullable FileChannel channel) {
      this.file = file;
      this.channel = channel;
    }

    @Override
    public void close() {
      if (file == null || channel == null) {
        return;
      }
      synchronized (HELD) {
        try {
          channel.close();
          Files.deleteIfExists(file);
        } catch (IOException e) {
          // without its lock it is in nobody's way
        } finally {
          HELD.remove(file);
        }
      }
    }
  }

  private interface Work<T> {
    T make() throws IOException;
  }

  /// Does work under the lock that all processes share.
  private static <T> T turn(Path folder, Work<T> work, T otherwise) {
    synchronized (HELD) {
      try (FileChannel channel =
              FileChannel.open(
                  folder.resolve(LOCK),
                  StandardOpenOption.CREATE,
                  StandardOpenOption.WRITE,
                  LinkOption.NOFOLLOW_LINKS);
          FileLock ignored = channel.lock()) {
        return work.make();
      } catch (IOException | OverlappingFileLockException e) {
        return otherwise;
      }
    }
  }

  /// The reservations of live processes, by file name. Deletes files without a lock.
  private static Map<String, Announced> living(Path folder) throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(folder.toAbsolutePath())) {
      files = all.toList();
    }
    Map<String, Announced> living = new HashMap<>();
    for (Path file : files) {
      String name = file.getFileName().toString();
      Matcher parts = NAME.matcher(name);
      if (parts.matches() && isHeld(file)) {
        long bytes = Long.parseLong(parts.group(2));
        living.put(name, new Announced(Long.parseLong(parts.group(1)), bytes));
      }
    }
    return living;
  }

  private static boolean isHeld(Path file) {
    if (HELD.contains(file)) {
      return true; // to open and close it again would free the lock
    }
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS)) {
      if (channel.tryLock() == null) {
        return true;
      }
    } catch (OverlappingFileLockException e) {
      return true; // another copy of nudge in this process
    } catch (IOException e) {
      return false;
    }
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // in nobody's way
    }
    return false;
  }
}
