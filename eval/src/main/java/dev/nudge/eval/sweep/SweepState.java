package dev.nudge.eval.sweep;

import dev.nudge.eval.sweep.SweepFile.Entry;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import dev.nudge.train.Training;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The decisions of a sweep, in `sweep.json` of its folder. They are written before they take
/// effect, so a killed sweep resumes with the same decisions.
///
/// Threading: confined to the sweep's thread.
final class SweepState {
  static final String FILE = "sweep.json";

  private final Path file;
  private final Map<String, @Nullable Object> settings;
  private final List<Rung> rungs = new ArrayList<>();
  private final Map<String, End> ended = new LinkedHashMap<>();

  /// The held-out losses at a step at which settings were stopped.
  ///
  /// @param losses losses by name; null: not finite
  record Rung(int at, Map<String, @Nullable Double> losses) {}

  /// The reason why a setting was stopped early.
  ///
  /// @param kind `halving` or `failed`
  record End(int step, String kind, String why) {}

  private SweepState(Path file, SweepFile sweep) {
    this.file = file;
    Map<String, @Nullable Object> tried = new LinkedHashMap<>();
    for (Entry entry : sweep.entries()) {
      tried.put(entry.name(), entry.values());
    }
    this.settings = new LinkedHashMap<>();
    settings.put("base", sweep.base());
    settings.put("settings", tried);
    settings.put("halving", sweep.halving());
    settings.put("metric", sweep.metric());
  }

  /// Creates the state of a new sweep.
  static SweepState begin(Path out, SweepFile sweep) {
    SweepState state = new SweepState(out.resolve(FILE), sweep);
    OutFolder.make(out);
    state.write();
    return state;
  }

  /// Checks that a folder is free for a new sweep.
  static void checkFree(Path out) {
    OutFolder.checkPlace(out);
    if (Files.exists(out.resolve(FILE))) {
      throw new InputException(
          "--out " + out + " holds a sweep; give --resume to go on with it, or another folder");
    }
    if (!OutFolder.isFree(out)) {
      throw new InputException("--out " + out + " is not empty; give a new folder");
    }
  }

  /// Reads the state of the sweep in a folder, which must have the same settings.
  static SweepState goOn(Path out, SweepFile sweep) {
    SweepState state = new SweepState(out.resolve(FILE), sweep);
    if (!Files.exists(state.file)) {
      throw new InputException(
          "--resume: --out "
              + out
              + " holds no sweep to go on with; leave --resume out to begin one");
    }
    JsonNode stored = Json.read(state.file);
    JsonNode own = Json.parse(Json.line(state.settings)); // numbers as parsed
    for (String key : List.of("base", "settings", "halving", "metric")) {
      if (stored.has(key) && !same(key, stored, own)) {
        throw new InputException(
            "--out %s holds another sweep: its %s %s not that of %s; give another folder"
                .formatted(out, key, key.equals("settings") ? "are" : "is", sweep.place()));
      }
    }
    for (JsonNode rung : stored.path("rungs")) {
      Map<String, @Nullable Double> losses = new LinkedHashMap<>();
      rung.path("losses")
          .properties()
          .forEach(
              one ->
                  losses.put(
                      one.getKey(),
                      one.getValue().isNumber() ? (Double) one.getValue().asDouble() : null));
      state.rungs.add(new Rung(rung.path("at").asInt(0), losses));
    }
    stored
        .path("ended")
        .properties()
        .forEach(
            one ->
                state.ended.put(
                    one.getKey(),
                    new End(
                        one.getValue().path("step").asInt(0),
                        one.getValue().path("kind").asString(""),
                        one.getValue().path("why").asString(""))));
    state.ended.keySet().removeIf(name -> isFinished(out.resolve(name))); // done by train --resume
    return state;
  }

  private static boolean same(String key, JsonNode one, JsonNode other) {
    return key.equals("base")
        ? fixed(one.path(key)).equals(fixed(other.path(key)))
        : one.path(key).equals(other.path(key));
  }

  /// Removes the settings that may differ when a run is resumed.
  private static Map<String, JsonNode> fixed(JsonNode settings) {
    return settings.properties().stream()
        .filter(one -> !Training.mayDiffer(one.getKey()))
        .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
  }

  private static boolean isFinished(Path run) {
    return "finished"
        .equals(Json.readOrMissing(run.resolve(RunFiles.RUN)).path(RunFiles.STATE).asString(""));
  }

  List<Rung> rungs() {
    return rungs;
  }

  Map<String, End> ended() {
    return ended;
  }

  /// Whether the decision at a step was made.
  boolean decided(int at) {
    return rungs.stream().anyMatch(rung -> rung.at() == at);
  }

  void end(String name, End end) {
    ended.put(name, end);
    write();
  }

  void decide(Rung rung, Map<String, End> ends) {
    rungs.add(rung);
    ended.putAll(ends);
    write();
  }

  private void write() {
    Map<String, @Nullable Object> all = new LinkedHashMap<>(settings);
    all.put("rungs", rungs);
    all.put("ended", ended);
    OutFolder.place(file, Json.indented(all) + "\n");
  }
}
