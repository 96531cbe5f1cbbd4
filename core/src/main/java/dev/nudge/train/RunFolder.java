package dev.nudge.train;

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
/// Every file is written beside and renamed into place. What `nudge` writes is a fixed set of
/// names, so `--overwrite` can remove exactly that and leave a user's own files alone.
final class RunFolder {
  static final String RUN = "run.json";
  static final String METRICS = "metrics.jsonl";
  static final String LAST = "last";
  private static final List<String> ADAPTER =
      List.of("adapter_model.safetensors", "adapter_config.json", Identity.FILE);
  private static final List<String> TOKENIZER =
      List.of("tokenizer.json", "tokenizer_config.json", "chat_template.jinja");

  /// Settings that do not make a run another one.
  private static final Set<String> FREE =
      Set.of("out", "lanes", "threads", "memory", "overwrite", "dry_run", "any_base");

  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final Path folder;

  private RunFolder(Path folder) {
    this.folder = folder;
  }

  Path path() {
    return folder;
  }

  /// Checks that a run of these settings may start in its folder; nothing is touched.
  ///
  /// @return whether the very same run is already finished there
  /// @throws InputException where something else is in the way
  static boolean check(TrainSettings settings) {
    Path out = settings.output().out();
    boolean overwrite = settings.output().overwrite();
    OutFolder.checkPlace(out);
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
    if (overwrite) {
      return false;
    }
    JsonNode there = read(run);
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

  /// Reads `run.json` as plain values.
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

  /// Makes the folder, without what an earlier run left there.
  static RunFolder create(TrainSettings settings) {
    Path out = settings.output().out();
    try {
      Files.createDirectories(out);
      if (Files.exists(out.resolve(RUN))) {
        List<Path> old = new ArrayList<>();
        for (String f : ADAPTER) {
          old.add(out.resolve(f));
          old.add(out.resolve(LAST).resolve(f));
        }
        TOKENIZER.forEach(f -> old.add(out.resolve(f)));
        old.add(out.resolve(METRICS));
        old.add(out.resolve(RUN));
        Path last = out.resolve(LAST);
        if (read(out.resolve(RUN)).path("settings").path("method").asString("").equals("full")) {
          ModelFolder.remove(out);
          ModelFolder.remove(last);
        }
        for (Path f : old) {
          Files.deleteIfExists(f);
        }
        if (Files.isDirectory(last) && OutFolder.isFree(last)) {
          Files.delete(last);
        }
      }
      return new RunFolder(out);
    } catch (IOException e) {
      throw new InputException("--out " + out + " cannot be written: " + OutFolder.reason(e), e);
    }
  }

  /// Copies the tokenizer's files, as a user of the adapter needs them.
  void copyTokenizer(Path model) {
    for (String name : TOKENIZER) {
      Path from = model.resolve(name);
      if (Files.isRegularFile(from)) {
        place(name, beside -> Files.write(beside, Files.readAllBytes(from)));
      }
    }
  }

  /// Writes `run.json`.
  void write(Map<String, ? extends @Nullable Object> run) {
    place(RUN, beside -> Files.writeString(beside, JSON.writeValueAsString(run) + "\n"));
  }

  private void place(String name, OutFolder.Writing writing) {
    OutFolder.place(folder.resolve(name), writing);
  }
}
