package dev.nudge.runs;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.FileVisitor;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Finds the runs under some root folders.
///
/// A folder with a `run.json` is a run, including all subfolders. Folders are searched five levels
/// deep; hidden and unreadable folders and links are skipped.
///
/// Threading: any thread, one call at a time.
public final class RunStore {
  private static final int DEPTH = 5;
  private static final int SHOWN = 3;

  private final List<Path> roots;
  private final Consumer<String> warnings;

  private RunStore(List<Path> roots, Consumer<String> warnings) {
    this.roots = roots;
    this.warnings = warnings;
  }

  /// Opens the store for some root folders.
  ///
  /// @param warnings receives one line for each unreadable run
  /// @throws InputException if a folder does not exist
  public static RunStore of(List<Path> roots, Consumer<String> warnings) {
    for (Path root : roots) {
      if (!Files.isDirectory(root)) {
        throw new InputException("--runs is %s; there is no such folder".formatted(root));
      }
    }
    return new RunStore(List.copyOf(roots), warnings);
  }

  /// Lists the runs, each folder once, in the order of the folders.
  public List<RunSummary> list() {
    Map<Path, RunSummary> runs = new LinkedHashMap<>(); // by real folder
    for (Path root : roots) {
      for (Path folder : folders(root)) {
        RunSummary run = read(folder);
        if (run != null) {
          runs.putIfAbsent(real(folder), run);
        }
      }
    }
    return runs.values().stream().map(RunStore::now).toList();
  }

  /// Returns null if the run cannot be read, which is reported as a warning.
  private @Nullable RunSummary read(Path folder) {
    Path file = folder.resolve(RunFiles.RUN);
    try {
      RunSummary summary = RunSummary.of(folder, Json.read(file));
      if (summary == null) {
        warnings.accept(file + " is damaged or of a newer nudge; the run is left out");
      }
      return summary;
    } catch (InputException e) {
      warnings.accept(e.getMessage() + "; the run is left out");
      return null;
    }
  }

  private static RunSummary now(RunSummary run) {
    return run.state() == RunStatus.RUNNING
        ? run.now(Progress.of(run.folder().resolve(RunFiles.METRICS)))
        : run;
  }

  private static Path real(Path folder) {
    try {
      return folder.toRealPath();
    } catch (IOException e) {
      return folder.toAbsolutePath().normalize();
    }
  }

  /// Opens the run that a user names: by its folder, its id, a prefix of its id, or its folder's
  /// name.
  ///
  /// @throws InputException if no run or several runs match
  public StoredRun open(String run) {
    if (run.isBlank()) {
      throw new InputException("RUN is '" + run + "'; it must be a run's id or folder");
    }
    Path folder = path(run);
    if (folder != null && Files.exists(folder)) {
      return StoredRun.open(folder);
    }
    List<RunSummary> all = list();
    List<RunSummary> found = all.stream().filter(r -> r.id().equals(run)).toList();
    if (found.isEmpty()) {
      found = all.stream().filter(r -> r.id().startsWith(run) || r.name().equals(run)).toList();
    }
    if (found.isEmpty()) {
      throw new InputException(
          "there is no run '%s' under %s; nudge runs list shows what is there, --runs looks elsewhere"
              .formatted(run, shownRoots()));
    }
    if (found.size() > 1) {
      throw new InputException(
          "'%s' is %d runs: %s; give more of the id, or the folder"
              .formatted(run, found.size(), listed(found)));
    }
    return StoredRun.open(found.getFirst().folder());
  }

  /// Opens all runs that a user names, without duplicates.
  public List<StoredRun> open(List<String> runs) {
    Map<Path, StoredRun> opened = new LinkedHashMap<>();
    for (String run : runs) {
      StoredRun stored = open(run);
      opened.putIfAbsent(real(stored.folder()), stored);
    }
    return List.copyOf(opened.values());
  }

  private static @Nullable Path path(String text) {
    try {
      return Path.of(text);
    } catch (InvalidPathException e) {
      return null;
    }
  }

  /// The root folders, for messages.
  public String shownRoots() {
    return String.join(
        ", ", roots.stream().map(r -> r.toString().isEmpty() ? "this folder" : r + "").toList());
  }

  private static String listed(List<RunSummary> runs) {
    List<String> first = runs.stream().limit(SHOWN).map(r -> r.id() + " in " + r.folder()).toList();
    int more = runs.size() - first.size();
    return String.join(", ", first) + (more > 0 ? " and " + more + " more" : "");
  }

  /// The run folders under a root, sorted.
  static List<Path> folders(Path root) {
    List<Path> found = new ArrayList<>();
    FileVisitor<Path> visitor =
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes about) {
            if (!folder.equals(root) && String.valueOf(folder.getFileName()).startsWith(".")) {
              return FileVisitResult.SKIP_SUBTREE;
            }
            if (!isRun(folder)) {
              return FileVisitResult.CONTINUE;
            }
            found.add(folder.toString().isEmpty() ? Path.of(".") : folder);
            return FileVisitResult.SKIP_SUBTREE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException e) {
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e) {
            return FileVisitResult.CONTINUE;
          }
        };
    try {
      // folders at this depth are visited, not entered
      Files.walkFileTree(root, EnumSet.noneOf(FileVisitOption.class), DEPTH + 1, visitor);
    } catch (IOException e) {
      throw new InputException("--runs " + root + " cannot be read: " + OutFolder.reason(e), e);
    }
    found.sort(null);
    return found;
  }

  private static boolean isRun(Path folder) {
    if (Files.exists(folder.resolve(RunFiles.RUN))) {
      return true;
    }
    if (!OutFolder.isCutOff(folder)) {
      return false;
    }
    try {
      OutFolder.mend(folder); // a killed process left it half replaced
    } catch (InputException e) {
      return false; // this user may not repair it; opening it fails
    }
    return Files.exists(folder.resolve(RunFiles.RUN));
  }
}
