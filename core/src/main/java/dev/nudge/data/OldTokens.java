package dev.nudge.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/// Evicts files of the token cache: those long unused, and the oldest if all are too large.
///
/// A file's last use is its modification time. A file that cannot be removed stays.
public final class OldTokens {
  private static final Duration UNUSED = Duration.ofDays(30);
  private static final Duration TORN = Duration.ofDays(1); // left by a process that was killed
  static final long MOST_BYTES = 20L << 30;

  private OldTokens() {}

  private record CachedFile(Path file, Instant used, long bytes) {}

  /// Sweeps the folder of a file, which stays.
  static void sweep(Path file) {
    sweep(file, Instant.now(), MOST_BYTES);
  }

  public static void sweep(Path file, Instant now, long mostBytes) {
    List<CachedFile> kept = new ArrayList<>();
    try (Stream<Path> files = Files.list(file.getParent())) {
      for (Path one : files.toList()) {
        Instant used = Files.getLastModifiedTime(one).toInstant();
        boolean torn = one.toString().endsWith(TokenFile.PART);
        if (!torn && !one.toString().endsWith(TokenFile.SUFFIX) || one.equals(file)) {
          continue;
        }
        if (used.isBefore(now.minus(torn ? TORN : UNUSED))) {
          Files.deleteIfExists(one);
        } else if (!torn) {
          kept.add(new CachedFile(one, used, Files.size(one)));
        }
      }
      long bytes = Files.size(file) + kept.stream().mapToLong(CachedFile::bytes).sum();
      kept.sort(Comparator.comparing(CachedFile::used));
      for (CachedFile one : kept) {
        if (bytes <= mostBytes) {
          break;
        }
        Files.deleteIfExists(one.file());
        bytes -= one.bytes();
      }
    } catch (IOException e) {
      // another process sweeps too, or the system keeps a file that is open
    }
  }
}
