package dev.nudge.train;

import dev.nudge.curves.Curves;
import dev.nudge.curves.LossSvg;
import dev.nudge.format.Claim;
import dev.nudge.format.DiskRoom;
import dev.nudge.format.Json;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.identity.Identity;
import dev.nudge.model.ModelFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.text.chat.ChatTemplate;
import dev.nudge.train.checkpoint.RunCheckpoints;
import dev.nudge.train.events.EventLog;
import dev.nudge.train.objective.Objective;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The output folder of a run: locks it, checks its contents, and saves atomically.
///
/// nudge writes a fixed set of names, so `--overwrite` removes exactly these and keeps a user's own
/// files. A run that replaces another is written to a staging folder until its first save, then
/// replaces the old run atomically. A run that ends before its first save leaves the old run
/// unchanged. Every later save replaces the previous one atomically too.
final class RunFolder implements AutoCloseable {
  static final String SAMPLES = "samples.jsonl";
  static final String CURVES = "loss.svg";
  private static final List<String> ADAPTER =
      List.of("adapter_model.safetensors", "adapter_config.json", Identity.FILE);
  private static final List<String> TOKENIZER =
      List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja");

  private final Path out;
  private final Claim claim;
  private @Nullable NewFolder growing; // until the first save, if `out` has files

  private RunFolder(Path out, Claim claim, @Nullable NewFolder growing) {
    this.out = out;
    this.claim = claim;
    this.growing = growing;
  }

  /// Tells whether an earlier run in this folder ended before its first save.
  boolean beginsAnew() {
    return growing != null && savedNothing(out);
  }

  /// Whether the next save replaces another run's files.
  boolean replacesAnother() {
    return growing != null && !savedNothing(out);
  }

  /// Whether the next save renames the staging folder, and so moves all of the run's files.
  boolean moves() {
    return growing != null;
  }

  /// The current folder of the run.
  Path path() {
    return growing == null ? out : growing.path();
  }

  /// Checks that a run with these settings may start in its folder; nothing is touched.
  ///
  /// @return whether the same run is already finished there
  /// @throws InputException if other files are in the way
  static boolean check(TrainSettings settings) {
    Path out = settings.output().out();
    OutFolder.checkPlace(out);
    OutFolder.checkNoLink(out.resolve(RunFiles.LAST));
    OutFolder.checkNoLink(out.resolve(RunCheckpoints.FOLDER));
    OutFolder.mend(out.resolve(RunFiles.LAST));
    checkModel(settings.model().model(), out);
    boolean resume = settings.output().resume();
    if (OutFolder.isFree(out)) {
      checkNotResumed(resume, out);
      return false;
    }
    if (!Files.exists(out.resolve(RunFiles.RUN))) {
      checkNotResumed(resume, out);
      checkNothingElse(out, settings.output().overwrite());
      return false;
    }
    return checkRun(out, settings);
  }

  /// Refuses a folder that holds something other than a run.
  private static void checkNothingElse(Path out, boolean overwrite) {
    if (Stream.concat(ADAPTER.stream(), Stream.of(RunFiles.LAST))
        .anyMatch(f -> Files.exists(out.resolve(f)))) {
      throw new InputException(
          "--out " + out + " holds an adapter that is not a run of nudge; give another folder");
    }
    if (ModelFolder.isModel(out)) {
      throw new InputException(
          "--out " + out + " holds a model that is not a run of nudge; give another folder");
    }
    if (!overwrite) {
      throw new InputException(
          "--out " + out + " is not empty; give a new folder, or --overwrite to write into it");
    }
  }

  private static boolean checkRun(Path out, TrainSettings settings) {
    JsonNode there = RunRecord.read(out);
    EarlierRun earlier = new EarlierRun(out, there);
    earlier.checkIsOver();
    RunCheckpoints.mend(out);
    if (settings.output().overwrite() || (!earlier.isFinished() && savedNothing(out))) {
      checkNotResumed(settings.output().resume(), out);
      return false;
    }
    List<String> other = new ArrayList<>(RunRecord.changedSettings(there, settings));
    if (other.isEmpty() || settings.lora().initAdapter() != null) { // whose alpha decides the rate
      other.addAll(RunDigests.changedInputs(there, settings));
    }
    if (!other.isEmpty()) {
      throw earlier.another(other);
    }
    if (!earlier.isFinished()) {
      if (!RunCheckpoints.all(out).isEmpty()) {
        return false;
      }
      throw earlier.unfinished(settings);
    }
    List<String> spoilt = RunDigests.changedFiles(there, out);
    if (!spoilt.isEmpty()) {
      throw earlier.spoilt(spoilt);
    }
    if (settings.output().keep() == null && !there.path("settings").path("keep").isNumber()) {
      RunCheckpoints.clear(out); // if a kill prevented it
    }
    return true;
  }

  /// Refuses to resume if there is no run.
  static void checkNotResumed(boolean resume, Path out) {
    if (resume) {
      throw new InputException(
          "--resume: --out "
              + out
              + " holds no run to go on with; leave --resume out to begin one");
    }
  }

  /// The checkpoint from which the same unfinished run resumes; null if the run begins anew.
  ///
  /// @param objective name of the run's objective
  /// @param cache folder where digests of weights are cached
  /// @throws InputException if all checkpoints are corrupt, or the model or the objective has
  ///     changed
  static RunCheckpoints.@Nullable Found resumable(
      TrainSettings settings, String objective, Path cache) {
    Path out = settings.output().out();
    Path run = out.resolve(RunFiles.RUN);
    if (settings.output().overwrite() || !Files.exists(run) || RunCheckpoints.all(out).isEmpty()) {
      return null;
    }
    JsonNode there = RunRecord.read(out);
    EarlierRun earlier = new EarlierRun(out, there);
    boolean other =
        earlier.isFinished()
            || !RunRecord.changedSettings(there, settings).isEmpty()
            || !RunDigests.changedInputs(there, settings).isEmpty();
    if (other) {
      return null;
    }
    String was = there.path(RunRecord.OBJECTIVE).asString(Objective.SUPERVISED.name());
    if (!was.equals(objective)) {
      throw earlier.another(List.of("its objective is " + was + ", not " + objective));
    }
    List<String> model =
        RunDigests.changedModel(there.path(RunDigests.KEY), settings.model().model(), cache);
    if (!model.isEmpty()) {
      throw earlier.onAnother(model);
    }
    return RunCheckpoints.newest(out, there.path("id").asString(""));
  }

  /// Whether a run ended before its first save: its files may be replaced.
  private static boolean savedNothing(Path out) {
    return RunCheckpoints.all(out).isEmpty()
        && Stream.concat(saved(out).stream(), Stream.of(RunFiles.LAST))
            .noneMatch(name -> Files.exists(out.resolve(name)));
  }

  /// Refuses to write over the model that the run reads.
  private static void checkModel(Path model, Path out) {
    if (OutFolder.same(out, model) || OutFolder.same(out.resolve(RunFiles.LAST), model)) {
      throw new InputException(
          "--out " + out + " is where the model of this run is; give another folder");
    }
  }

  /// Creates and locks the folder. Unless the run resumes, existing files stay until the first
  /// save.
  static RunFolder create(TrainSettings settings, boolean goesOn) {
    Path out = settings.output().out();
    Claim claim = Claim.in(out);
    try {
      NewFolder.clear(out.resolve(RunFiles.LAST));
      boolean inPlace = goesOn || OutFolder.isFree(out);
      return new RunFolder(out, claim, inPlace ? null : NewFolder.in(claim));
    } catch (RuntimeException | Error e) {
      claim.close();
      throw e;
    }
  }

  /// The names of an earlier run's files.
  static List<String> names(Path out) {
    if (!Files.exists(out.resolve(RunFiles.RUN))) {
      return List.of();
    }
    List<String> names = new ArrayList<>(TOKENIZER);
    names.addAll(
        List.of(
            RunFiles.METRICS, EventLog.FILE, SAMPLES, CURVES, ReferenceSums.FILE, RunFiles.RUN));
    names.add(RunFiles.RUN + ".tmp"); // left by a killed run
    names.addAll(saved(out));
    names.addAll(lastNames(out));
    names.addAll(RunCheckpoints.names(out));
    return names;
  }

  /// Bytes of the files that the first save of a run replaces.
  static long replacedBytes(Path out) {
    return DiskRoom.bytes(names(out).stream().distinct().map(out::resolve).toList());
  }

  /// Bytes of the files that a run copies besides the trained weights.
  static long besideBytes(Path model) {
    return DiskRoom.bytes(TOKENIZER.stream().map(model::resolve).toList());
  }

  /// The names of saved files in a folder: an adapter's, or a model's.
  private static List<String> saved(Path folder) {
    List<String> names = new ArrayList<>(ADAPTER);
    if (ModelFolder.isModel(folder)) {
      names.addAll(ModelFolder.names(folder));
    }
    return names;
  }

  private static List<String> lastNames(Path out) {
    List<String> names = new ArrayList<>(saved(out.resolve(RunFiles.LAST)));
    names.add("tokenizer.json");
    return names.stream().map(name -> RunFiles.LAST + "/" + name).toList();
  }

  /// Saves the result of the run, atomically, and deletes the `last` copy beside it.
  ///
  /// @param writing fills a staging folder
  void save(Consumer<Path> writing) {
    NewFolder whole = growing;
    if (whole == null) {
      put(NewFolder.in(claim), lastNames(out), writing);
    } else {
      writing.accept(whole.path());
      whole.place(names(out));
      growing = null;
    }
  }

  /// Saves the last adapter or model beside the best one, atomically.
  void saveLast(Consumer<Path> writing) {
    put(NewFolder.at(out.resolve(RunFiles.LAST)), List.of(), writing);
  }

  private static void put(NewFolder whole, List<String> old, Consumer<Path> writing) {
    try (NewFolder folder = whole) {
      writing.accept(folder.path());
      folder.place(old);
    }
  }

  @Override
  public void close() {
    try {
      if (growing != null) {
        growing.close();
      }
    } finally {
      claim.close();
    }
  }

  /// Copies the tokenizer's files, which users of the adapter need.
  void copyTokenizer(Prepared prepared) {
    Path model = prepared.settings().model().model();
    TOKENIZER.forEach(name -> OutFolder.copy(model.resolve(name), path().resolve(name)));
    prepared.inputs().tokens().tokenizer().writeOwn(path());
    ChatTemplate template = prepared.inputs().template();
    if (template != null && !template.isOf(model)) {
      OutFolder.place(path().resolve("chat_template.jinja"), template.text());
    }
  }

  /// Draws the loss curves.
  void draw() {
    String name = String.valueOf(out.toAbsolutePath().getFileName());
    Curves curves = Curves.read(name, path().resolve(RunFiles.METRICS));
    OutFolder.place(path().resolve(CURVES), LossSvg.of(List.of(curves)));
  }

  /// Writes `run.json`.
  void write(Map<String, ? extends @Nullable Object> run) {
    OutFolder.place(path().resolve(RunFiles.RUN), Json.indented(run) + "\n");
  }
}
