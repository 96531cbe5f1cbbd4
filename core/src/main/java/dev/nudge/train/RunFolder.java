package dev.nudge.train;

import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.identity.Identity;
import dev.nudge.model.ModelFolder;
import dev.nudge.settings.InputException;
import dev.nudge.settings.TrainSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/// The folder of a run: who may write into it, and its `run.json`.
///
/// What `nudge` writes is a fixed set of names, so `--overwrite` can remove exactly that and leave
/// a
/// user's own files alone. A run that replaces another grows out of sight until its first save;
/// then
/// the new run takes the old one's place as a whole. A run that ends before that leaves the old one
/// as it was. Every later save replaces the one before as a whole too.
final class RunFolder implements AutoCloseable {
  static final String RUN = "run.json";
  static final String METRICS = "metrics.jsonl";
  static final String LAST = "last";
  private static final List<String> ADAPTER =
      List.of("adapter_model.safetensors", "adapter_config.json", Identity.FILE);
  private static final List<String> TOKENIZER =
      List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja");

  /// Settings that do not make a run another one.
  private static final Set<String> FREE =
      Set.of("out", "lanes", "threads", "memory", "overwrite", "dry_run", "any_base", "save_steps");

  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path out;
  private @Nullable NewFolder growing; // until the first save, where something is in the place

  private RunFolder(Path out, @Nullable NewFolder growing) {
    this.out = out;
    this.growing = growing;
  }

  /// Where the run is written now.
  Path path() {
    return growing == null ? out : growing.path();
  }

  /// Whether something else is in the run's place still.
  boolean replaces() {
    return growing != null;
  }

  /// Checks that a run of these settings may start in its folder; nothing is touched.
  ///
  /// @return whether the very same run is already finished there
  /// @throws InputException where something else is in the way
  static boolean check(TrainSettings settings) {
    Path out = settings.output().out();
    boolean overwrite = settings.output().overwrite();
    OutFolder.checkPlace(out);
    OutFolder.mend(out.resolve(LAST));
    checkModel(settings.model().model(), out);
    if (OutFolder.isFree(out)) {
      return false;
    }
    Path run = out.resolve(RUN);
    if (!Files.exists(run)) {
      if (Stream.concat(ADAPTER.stream(), Stream.of(LAST))
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
      return false;
    }
    JsonNode there = read(run);
    if (overwrite) {
      return false;
    }
    String state = there.path("state").asString("");
    boolean same = same(there.path("settings"), settings);
    if (same && state.equals("finished")) {
      return true;
    }
    throw new InputException(
        "--out "
            + out
            + " holds "
            + (same ? "an unfinished run of these settings" : "a run of other settings")
            + " (state "
            + state
            + "); give another folder, or --overwrite to replace it");
  }

  /// A run must not write over the model that it reads.
  private static void checkModel(Path model, Path out) {
    if (OutFolder.same(out, model) || OutFolder.same(out.resolve(LAST), model)) {
      throw new InputException(
          "--out " + out + " is where the model of this run is; give another folder");
    }
  }

  private static JsonNode read(Path run) {
    try {
      return JSON.readTree(Files.readString(run));
    } catch (IOException | JacksonException e) {
      throw new InputException(
          run + " cannot be read, so the run in its folder is unknown; give another folder", e);
    }
  }

  /// What `run.json` holds, as plain values.
  static Map<String, @Nullable Object> record(Path out) {
    return JSON.convertValue(read(out.resolve(RUN)), new TypeReference<>() {});
  }

  private static boolean same(JsonNode there, TrainSettings settings) {
    JsonNode now = JSON.valueToTree(plain(settings));
    Map<String, JsonNode> a = new TreeMap<>();
    Map<String, JsonNode> b = new TreeMap<>();
    there.properties().forEach(e -> a.put(e.getKey(), e.getValue()));
    now.properties().forEach(e -> b.put(e.getKey(), e.getValue()));
    FREE.forEach(
        key -> {
          a.remove(key);
          b.remove(key);
        });
    return JSON.valueToTree(a).toString().equals(JSON.valueToTree(b).toString());
  }

  /// The settings as `run.json` holds them: paths and choices as text.
  static Map<String, @Nullable Object> plain(TrainSettings settings) {
    Map<String, @Nullable Object> plain = new LinkedHashMap<>();
    settings
        .values()
        .forEach(
            (key, value) ->
                plain.put(
                    key,
                    value instanceof Number
                            || value instanceof Boolean
                            || value == null
                            || value instanceof List<?>
                        ? value
                        : value.toString()));
    return plain;
  }

  /// Makes the folder; what is in its place stays until the first save.
  static RunFolder create(TrainSettings settings) {
    Path out = settings.output().out();
    NewFolder.clear(out.resolve(LAST));
    if (!OutFolder.isFree(out)) {
      return new RunFolder(out, NewFolder.at(out));
    }
    NewFolder.clear(out);
    OutFolder.make(out);
    return new RunFolder(out, null);
  }

  /// The names of what an earlier run wrote.
  private static List<String> names(Path out) {
    if (!Files.exists(out.resolve(RUN))) {
      return List.of();
    }
    List<String> names = new ArrayList<>(TOKENIZER);
    names.addAll(List.of(METRICS, RUN, RUN + ".tmp")); // the last of a run that was killed
    names.addAll(saved(out));
    names.addAll(lastNames(out));
    return names;
  }

  /// The names of what was saved in a folder: an adapter, or a model.
  private static List<String> saved(Path folder) {
    List<String> names = new ArrayList<>(ADAPTER);
    if (ModelFolder.isModel(folder)) {
      names.addAll(ModelFolder.names(folder));
    }
    return names;
  }

  private static List<String> lastNames(Path out) {
    return saved(out.resolve(LAST)).stream().map(name -> LAST + "/" + name).toList();
  }

  /// Puts what is to be used in the run's place, as a whole; the last beside it goes.
  ///
  /// @param writing fills a folder that grows
  void save(Consumer<Path> writing) {
    NewFolder whole = growing;
    if (whole == null) {
      put(out, lastNames(out), writing);
    } else {
      writing.accept(whole.path());
      whole.place(names(out));
      growing = null;
    }
  }

  /// Puts the last beside the one to be used, as a whole.
  void saveLast(Consumer<Path> writing) {
    put(out.resolve(LAST), List.of(), writing);
  }

  private static void put(Path place, List<String> old, Consumer<Path> writing) {
    try (NewFolder folder = NewFolder.at(place)) {
      writing.accept(folder.path());
      folder.place(old);
    }
  }

  @Override
  public void close() {
    if (growing != null) {
      growing.close();
    }
  }

  /// Copies the tokenizer's files, as a user of the adapter needs them.
  void copyTokenizer(Path model) {
    TOKENIZER.forEach(name -> OutFolder.copy(model.resolve(name), path().resolve(name)));
  }

  /// Writes `run.json`.
  void write(Map<String, ? extends @Nullable Object> run) {
    OutFolder.place(path().resolve(RUN), JSON.writeValueAsString(run) + "\n");
  }
}
