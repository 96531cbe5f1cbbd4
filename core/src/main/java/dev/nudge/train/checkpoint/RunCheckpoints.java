package dev.nudge.train.checkpoint;

import dev.nudge.format.Json;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.Sha256;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Manages the checkpoints of a run, `checkpoints/step-NNNNNN/`: each is complete or absent.
///
/// A checkpoint is written to a staging folder, synced and renamed into place; before deletion it
/// is renamed away. A checkpoint whose digests do not match, because a disk or a user changed it,
/// is corrupt: the previous checkpoint is used then.
public final class RunCheckpoints {
  public static final String FOLDER = "checkpoints";
  static final String STATE = "state.safetensors";
  static final String RECORD = "checkpoint.json";
  private static final String OLD = ".old";
  private static final Pattern LEFT = Pattern.compile("\\.{1,2}step-");
  private static final Pattern NAME = Pattern.compile("step-\\d{6,9}");

  private RunCheckpoints() {}

  /// An intact checkpoint.
  ///
  /// @param torn one phrase for each later checkpoint that is corrupt
  public record Found(Path folder, RunCheckpoint checkpoint, List<String> torn) {
    public Path state() {
      return folder.resolve(STATE);
    }
  }

  /// The folder of the checkpoint after a step.
  static Path folder(Path run, int step) {
    return run.resolve(FOLDER).resolve("step-%06d".formatted(step));
  }

  /// The checkpoint folders of a run, the latest first.
  public static List<Path> all(Path run) {
    Path folder = run.resolve(FOLDER);
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(f -> NAME.matcher(f.getFileName().toString()).matches())
          .sorted(Comparator.comparingInt(RunCheckpoints::step).reversed())
          .toList();
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  private static int step(Path folder) {
    return Integer.parseInt(folder.getFileName().toString().substring("step-".length()));
  }

  /// The names of all files of checkpoints, relative to the run.
  public static List<String> names(Path run) {
    List<String> names = new ArrayList<>();
    for (Path folder : all(run)) {
      if (Files.isSymbolicLink(folder)) {
        names.add(run.relativize(folder).toString()); // a link's target is not the run's
        continue;
      }
      names.add(run.relativize(folder.resolve(STATE)).toString());
      names.add(run.relativize(folder.resolve(RECORD)).toString());
    }
    return names;
  }

  /// Restores a checkpoint that a kill left renamed away during its replacement.
  public static void mend(Path run) {
    Path folder = run.resolve(FOLDER);
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path aside : files.filter(f -> f.getFileName().toString().endsWith(OLD)).toList()) {
        String name = aside.getFileName().toString();
        Path place = folder.resolve(name.substring(1, name.length() - OLD.length()));
        if (NAME.matcher(place.getFileName().toString()).matches() && !Files.exists(place)) {
          OutFolder.move(aside, place);
        }
      }
    } catch (IOException e) {
      throw new InputException(folder + " cannot be read: " + OutFolder.reason(e), e);
    }
  }

  /// The latest intact checkpoint of a run; null: none.
  ///
  /// @param id of the run
  /// @throws InputException if there are checkpoints and all are corrupt
  public static @Nullable Found newest(Path run, String id) {
    mend(run);
    List<String> torn = new ArrayList<>();
    for (Path folder : all(run)) {
      JsonNode file = Json.readOrMissing(folder.resolve(RECORD));
      String wrong = wrong(folder, file);
      RunCheckpoint checkpoint = wrong == null ? RunCheckpoint.of(file) : null;
      if (checkpoint != null && checkpoint.run().equals(id)) {
        return new Found(folder, checkpoint, torn);
      }
      String why = checkpoint == null ? "is of another nudge" : "is of another run";
      torn.add(folder.getFileName() + " " + (wrong == null ? why : wrong));
    }
    if (!torn.isEmpty()) {
      throw new InputException(
          "no intact checkpoint in %s: %s; --overwrite starts the run again"
              .formatted(run.resolve(FOLDER), String.join(", ", torn)));
    }
    return null;
  }

  /// The checkpoint after a step; null if it is missing or corrupt.
  public static @Nullable Found at(Path run, int step) {
    Path folder = folder(run, step);
    JsonNode file = Json.readOrMissing(folder.resolve(RECORD));
    RunCheckpoint checkpoint = wrong(folder, file) == null ? RunCheckpoint.of(file) : null;
    return checkpoint == null ? null : new Found(folder, checkpoint, List.of());
  }

  /// Deletes the checkpoints after a step: the run resumes there, and writes them again.
  public static void removeAfter(Path run, int step) {
    all(run).stream().filter(folder -> step(folder) > step).forEach(RunCheckpoints::remove);
  }

  private static @Nullable String wrong(Path folder, JsonNode file) {
    if (file.isMissingNode()) {
      return "is torn (" + RECORD + " is missing or not JSON)";
    }
    int format = file.path("format").asInt(0);
    if (format != RunCheckpoint.FORMAT) {
      return "is of another nudge (format %d; this one reads %d)"
          .formatted(format, RunCheckpoint.FORMAT);
    }
    if (!RunCheckpoint.isWhole(file)) {
      return "is torn (" + RECORD + " has another digest)";
    }
    Path state = folder.resolve(STATE);
    try {
      String digest = Files.isRegularFile(state) ? Sha256.ofFile(state) : "";
      if (digest.isEmpty()) {
        return "is torn (" + STATE + " is missing)";
      }
      return digest.equals(file.path("files").path(STATE).asString(""))
          ? null
          : "is torn (" + STATE + " has another digest)";
    } catch (IOException e) {
      return "cannot be read (" + OutFolder.reason(e) + ")";
    }
  }

  /// Writes a checkpoint atomically; an existing one of the step stays until then.
  ///
  /// @param state writes weights and moments into a file
  /// @throws RunException if writing fails
  public static void write(Path run, RunCheckpoint checkpoint, Consumer<Path> state) {
    OutFolder.make(run.resolve(FOLDER));
    Path target = folder(run, checkpoint.step());
    Path grown = target.resolveSibling("." + target.getFileName() + ".grown");
    try {
      OutFolder.delete(grown);
      try (NewFolder folder = NewFolder.at(grown)) {
        Path numbers = folder.path().resolve(STATE);
        state.accept(numbers);
        OutFolder.place(folder.path().resolve(RECORD), checkpoint.text(Sha256.ofFile(numbers)));
        folder.place(List.of());
      }
      Path aside = target.resolveSibling("." + target.getFileName() + OLD);
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        OutFolder.delete(aside);
        OutFolder.move(target, aside);
      }
      OutFolder.move(grown, target);
      OutFolder.forceFolder(run.resolve(FOLDER));
      OutFolder.delete(aside);
    } catch (IOException e) {
      throw new RunException("cannot write " + target + ": " + OutFolder.reason(e), e);
    }
  }

  /// Deletes all checkpoints but the last `keep` and that of the best step, and the remains of a
  /// killed process.
  public static void prune(Path run, int keep, @Nullable Integer best) {
    List<Path> all = all(run);
    for (int i = keep; i < all.size(); i++) {
      if (best == null || step(all.get(i)) != best) {
        remove(all.get(i));
      }
    }
    clean(run.resolve(FOLDER));
  }

  /// Deletes the remains of a killed process, if the checkpoints are in the run's own folder.
  public static void clearLeft(Path run) {
    Path folder = run.resolve(FOLDER);
    if (Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
      clean(folder);
      OutFolder.deleteEmpty(folder);
    }
  }

  private static void clean(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        if (LEFT.matcher(file.getFileName().toString()).lookingAt()) {
          OutFolder.delete(file);
        }
      }
    } catch (IOException e) {
      throw new RunException("cannot clean " + folder + ": " + OutFolder.reason(e), e);
    }
  }

  /// Deletes all checkpoints.
  public static void clear(Path run) {
    all(run).forEach(RunCheckpoints::remove);
    try {
      OutFolder.delete(run.resolve(FOLDER));
    } catch (IOException e) {
      throw new RunException(
          "cannot remove " + run.resolve(FOLDER) + ": " + OutFolder.reason(e), e);
    }
  }

  private static void remove(Path folder) {
    Path aside = folder.resolveSibling("." + folder.getFileName() + OLD);
    try {
      OutFolder.delete(aside);
      if (Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
        OutFolder.move(folder, aside);
        OutFolder.delete(aside);
      }
    } catch (IOException e) {
      throw new RunException("cannot remove " + folder + ": " + OutFolder.reason(e), e);
    }
  }
}
