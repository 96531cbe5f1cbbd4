package dev.nudge.format;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.function.BiPredicate;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/// Lets the n-th change of the disk fail, or ends the process there.
public final class Faults {
  /// How a command ends.
  public enum Kind {
    /// The change is refused once; what the command does about it works.
    FAILED,
    /// That change and all later ones are never made, as after a kill.
    KILLED,
    /// The same, and what was written and not flushed is lost, as after the power has failed.
    POWER
  }

  private static final Pattern HIDDEN =
      Pattern.compile("(^|/)\\.(nudge\\..*|[^/]+\\.(new/|writer))|\\.tmp$");

  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  private Faults() {}

  /// What came of a command.
  ///
  /// @param met whether it made so many changes; if not it came to its end
  /// @param told whether it failed
  public record Outcome(boolean met, boolean told) {}

  /// Runs a command whose n-th change of the disk goes wrong.
  ///
  /// @return whether it made so many; if not it came to its end
  public static boolean met(Kind kind, int n, Runnable command) {
    return outcome(kind, n, command).met();
  }

  /// Runs a command whose n-th change of the disk goes wrong.
  ///
  /// @param n from 1
  public static Outcome outcome(Kind kind, int n, Runnable command) {
    AtomicInteger changes = new AtomicInteger();
    Unflushed unflushed = new Unflushed();
    Disk.Watch watch =
        new Disk.Watch() {
          @Override
          public void before(String change, Path path) throws IOException {
            int i = changes.incrementAndGet();
            if (kind != Kind.FAILED && i >= n) {
              throw new Killed();
            } else if (i == n) {
              throw new IOException("refused by the test");
            }
            unflushed.before(change, path);
          }

          @Override
          public void renamed(Path from, Path to) {
            unflushed.renamed(from, to);
          }
        };
    Throwable failure = run(watch, command);
    if (kind == Kind.POWER) {
      unflushed.lose();
    }
    if (changes.get() < n && failure != null) {
      throw new AssertionError("the command failed by itself", failure);
    }
    return new Outcome(changes.get() >= n, failure != null);
  }

  /// What was written into files since they were last brought to the disk.
  private static final class Unflushed {
    private final Map<Path, Long> kept = new TreeMap<>(); // bytes that are on the disk
    private final Set<Path> dirty = new TreeSet<>();

    private synchronized void before(String change, Path path) throws IOException {
      switch (change) {
        case "create" -> {
          dirty.add(path);
          kept.put(path, 0L);
        }
        case "write" -> {
          dirty.add(path);
          kept.putIfAbsent(path, Files.isRegularFile(path) ? Files.size(path) : 0L);
        }
        case "cut", "flush" -> {
          dirty.remove(path);
          if (Files.isRegularFile(path)) {
            kept.put(path, Files.size(path)); // of a cut one too many, and all are whole
          }
        }
        default -> {}
      }
    }

    private synchronized void renamed(Path from, Path to) {
      for (Path file : List.copyOf(kept.keySet())) {
        if (file.startsWith(from)) {
          Path now = from.equals(file) ? to : to.resolve(from.relativize(file));
          kept.put(now, kept.remove(file));
          dirty.remove(now);
          if (dirty.remove(file)) {
            dirty.add(now);
          }
        }
      }
    }

    private synchronized void lose() {
      for (Path file : dirty) {
        if (!Files.isRegularFile(file)) {
          continue;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
          channel.truncate(kept.getOrDefault(file, 0L));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  /// What a command says where its n-th change is refused; null: nothing.
  public static @Nullable Throwable failure(int n, Runnable command) {
    AtomicInteger changes = new AtomicInteger();
    return run(
        (change, path) -> {
          if (changes.incrementAndGet() == n) {
            throw new IOException("refused by the test");
          }
        },
        command);
  }

  /// What a command says where the first change of a kind is refused; null: nothing.
  public static @Nullable Throwable failure(BiPredicate<String, Path> refused, Runnable command) {
    AtomicBoolean met = new AtomicBoolean();
    return run(
        (change, path) -> {
          if (refused.test(change, path) && met.compareAndSet(false, true)) {
            throw new IOException("refused by the test");
          }
        },
        command);
  }

  private static @Nullable Throwable run(Disk.Watch watch, Runnable command) {
    Disk.watch(watch);
    try {
      command.run();
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    } finally {
      Disk.watch(null);
    }
  }

  /// Tells of each change of the disk from now on, before it is made.
  public static void watch(BiConsumer<String, Path> told) {
    Disk.watch(told::accept);
  }

  /// Ends this process before the n-th change from now.
  public static void haltAt(int n) {
    AtomicInteger changes = new AtomicInteger();
    Disk.watch(
        (change, path) -> {
          if (changes.incrementAndGet() == n) {
            Runtime.getRuntime().halt(9);
          }
        });
  }

  /// The files of a folder by name, but those that grow or stand aside.
  public static Map<String, String> files(Path folder) throws IOException {
    Map<String, String> files = new TreeMap<>();
    if (!Files.exists(folder)) {
      return files;
    }
    for (Path path : Disk.all(folder)) {
      String name = folder.relativize(path).toString();
      if (Files.isRegularFile(path) && !HIDDEN.matcher(name).find()) {
        files.put(name, digest(path));
      }
    }
    return files;
  }

  private static String digest(Path file) throws IOException {
    CRC32C crc = new CRC32C();
    crc.update(Files.readAllBytes(file));
    return Files.size(file) + " bytes, " + Long.toHexString(crc.getValue());
  }

  /// Copies a folder over another, which goes.
  public static void restore(Path from, Path to) throws IOException {
    Disk.deleteTree(to);
    for (Path path : Disk.all(from).reversed()) {
      Files.copy(path, to.resolve(from.relativize(path).toString()));
    }
  }
}
