package dev.nudge.runs;

import dev.nudge.format.Claim;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Deletes the files that a run wrote into its folder, as `--overwrite` does, and then the folder
/// if it is empty.
///
/// `run.json` is deleted last, so an interrupted removal can be found and repeated. Links are
/// deleted as links and never followed out of the folder.
public final class RunRemoval {

  /// The result of a removal.
  ///
  /// @param folder of the run
  /// @param files number of deleted files
  /// @param bytes of the deleted files
  /// @param kept names in the folder that are not files of the run
  public record Removed(String id, Path folder, int files, long bytes, List<String> kept) {}

  private RunRemoval() {}

  /// Refuses a run whose folder is locked by another process.
  ///
  /// @throws InputException if it is locked
  public static void check(StoredRun run) {
    if (Claim.isHeld(run.folder())) {
      throw new InputException(
          "run %s is running in %s; stop it first".formatted(run.summary().id(), run.folder()));
    }
  }

  /// Deletes the files of a run.
  ///
  /// @throws RunException if another process has locked the folder, or deleting fails
  public static Removed remove(StoredRun run) {
    check(run);
    Path folder = run.folder();
    int files = 0;
    long bytes = 0;
    try (Claim claim = Claim.of(folder)) {
      NewFolder.clear(folder); // a killed process's files
      NewFolder.clear(folder.resolve(RunFiles.LAST));
      Training.clearLeft(folder);
      List<Path> gone = ours(folder);
      for (Path file : gone) {
        bytes += size(file);
        files++;
        OutFolder.delete(file);
        deleteEmpty(file.getParent(), folder);
      }
    } catch (IOException e) {
      throw new RunException("cannot remove " + folder + ": " + OutFolder.reason(e), e);
    }
    List<String> kept = names(folder);
    if (kept.isEmpty()) {
      deleteEmpty(folder, null);
    }
    return new Removed(run.summary().id(), folder, files, bytes, kept);
  }

  /// The existing files of a run, `run.json` last.
  private static List<Path> ours(Path folder) throws IOException {
    Set<Path> files = new TreeSet<>();
    for (String name : Training.written(folder)) {
      Path file = folder.resolve(name);
      if (isInside(folder, Path.of(name)) && Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
        files.add(file);
      }
    }
    List<Path> sorted = new ArrayList<>(files);
    Path run = folder.resolve(RunFiles.RUN);
    if (sorted.remove(run)) {
      sorted.add(run);
    }
    return sorted;
  }

  /// Whether a name leads to a file in the folder, without `..` and without a link on the way.
  private static boolean isInside(Path folder, Path name) {
    boolean plain = !name.isAbsolute() && name.normalize().equals(name) && !name.startsWith("..");
    for (Path on = name.getParent(); plain && on != null; on = on.getParent()) {
      plain = !Files.isSymbolicLink(folder.resolve(on));
    }
    return plain;
  }

  private static long size(Path file) throws IOException {
    try (Stream<Path> all = Files.walk(file)) {
      long bytes = 0;
      for (Path one : all.toList()) {
        bytes += Files.isRegularFile(one, LinkOption.NOFOLLOW_LINKS) ? Files.size(one) : 0;
      }
      return bytes;
    }
  }

  private static List<String> names(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /// Deletes an empty folder and its empty parents, up to another folder.
  private static void deleteEmpty(@Nullable Path folder, @Nullable Path below) {
    try {
      for (Path empty = folder;
          empty != null && !empty.equals(below) && names(empty).isEmpty();
          empty = below == null ? null : empty.getParent()) {
        Files.deleteIfExists(empty);
      }
    } catch (IOException e) {
      // another process wrote a file
    }
  }
}
