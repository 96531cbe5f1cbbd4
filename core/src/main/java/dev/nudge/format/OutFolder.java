package dev.nudge.format;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Checks `--out` before it is written into, and writes files that are complete or absent.
public final class OutFolder {
  /// The name of a folder while it grows in its place.
  static final String UNFINISHED = ".nudge.new";

  private OutFolder() {}

  /// Returns the folder itself, or the nearest one above it that is there; null where none is.
  public static @Nullable Path existing(Path out) {
    Path there = out.toAbsolutePath();
    while (there != null && !Files.exists(there)) {
      there = there.getParent();
    }
    return there;
  }

  /// Checks that `--out` can be made, or written into where it exists; nothing is touched.
  ///
  /// @throws InputException where it cannot
  public static void checkPlace(Path out) {
    checkPlace("--out", out);
  }

  /// Checks that the folder of a flag can be made, or written into where it exists.
  public static void checkPlace(String flag, Path out) {
    Path there = existing(out);
    if (there == null || !Files.isDirectory(there)) {
      throw new InputException(
          flag + " " + out + " cannot be made: " + there + " is a file; give another folder");
    }
    if (!Files.isWritable(there)) {
      throw new InputException(
          flag
              + " "
              + out
              + " cannot be written: no permission in "
              + there
              + ", or its disk is read-only; give another folder");
    }
  }

  /// Tells whether nothing is in the way of a new folder: an empty folder counts as absent, and
  /// what a killed process left there as nothing.
  public static boolean isFree(Path out) {
    if (!Files.exists(out)) {
      return true;
    }
    try (Stream<Path> files = Files.list(out)) {
      return files.allMatch(file -> file.endsWith(UNFINISHED));
    } catch (IOException e) {
      throw new InputException("--out " + out + " cannot be read: " + reason(e), e);
    }
  }

  /// Tells whether both paths are there and are one folder.
  public static boolean same(Path a, Path b) {
    try {
      return Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  /// Writes a file beside its place.
  public interface Writing {
    void to(Path beside) throws IOException;
  }

  /// Writes a file beside its name and renames it.
  ///
  /// @throws RunException where the disk refuses
  public static void place(Path file, Writing writing) {
    Path beside = file.resolveSibling(file.getFileName() + ".tmp");
    try {
      try {
        writing.to(beside);
        Files.move(
            beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      } finally {
        Files.deleteIfExists(beside);
      }
    } catch (IOException e) {
      throw new RunException("cannot write " + file + ": " + reason(e), e);
    }
  }

  /// Deletes a folder with all that is in it; nothing is done where it is absent.
  public static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(p);
      }
    }
  }

  /// Why the disk refused, in a few words.
  public static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "no permission";
    }
    String reason = e instanceof FileSystemException f ? f.getReason() : e.getMessage();
    return reason == null ? e.getClass().getSimpleName() : reason;
  }
}
