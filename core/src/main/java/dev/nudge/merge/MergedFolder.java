package dev.nudge.merge;

import dev.nudge.format.Json;
import dev.nudge.format.NewFolder;
import dev.nudge.format.OutFolder;
import dev.nudge.model.ModelFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.python.PythonJson;
import dev.nudge.settings.verb.MergeSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Marks merged model folders: `nudge.json` names the base, the adapters and the files, so that
/// `--overwrite` removes exactly those files.
final class MergedFolder {
  static final String CONFIG = "config.json";
  private static final String MARK = "nudge.json";

  private MergedFolder() {}

  /// Checks that a merged model may be written to `--out`; nothing is touched.
  ///
  /// @throws InputException if other files are in the way
  static void check(MergeSettings settings) {
    Path out = settings.out();
    OutFolder.mend(out);
    Path model = settings.model().model();
    ModelFolder.checkPlace(out, model, mark(out) != null, "merged", "merge", settings.overwrite());
  }

  private static @Nullable JsonNode mark(Path folder) {
    JsonNode mark = Json.readOrMissing(folder.resolve(MARK));
    return mark.path("merged").isObject() ? mark : null;
  }

  /// Updates vocabulary size and weight tying in a `config.json`.
  ///
  /// @param parted whether the head is no longer tied to the embedding
  static void ends(
      Map<String, @Nullable Object> values, ModelConfig config, int tokens, boolean parted) {
    List<Map<String, @Nullable Object>> all = new ArrayList<>(List.of(values));
    if (values.get("text_config") instanceof Map<?, ?> text) {
      Map<String, @Nullable Object> inner = new LinkedHashMap<>();
      text.forEach((key, value) -> inner.put(String.valueOf(key), value));
      values.put("text_config", inner);
      all.add(inner);
    }
    if (tokens != config.vocabSize()) {
      all.getLast().put("vocab_size", tokens);
    }
    if (parted) {
      all.forEach(each -> each.put("tie_word_embeddings", false));
    }
  }

  /// Writes `nudge.json` and renames the whole folder into place.
  static void place(NewFolder folder, MergeSettings settings) {
    Map<String, Object> merged = new LinkedHashMap<>();
    merged.put("base", settings.model().model().toString());
    List<Object> adapters = new ArrayList<>();
    for (int i = 0; i < settings.adapter().size(); i++) {
      adapters.add(
          new TreeMap<>(
              Map.of("adapter", settings.adapter().get(i), "scale", settings.scales().get(i))));
    }
    merged.put("adapters", adapters);
    merged.put("into", settings.into() == MergeSettings.Into.TRAINED ? "trained" : "original");
    Map<String, Object> mark = new LinkedHashMap<>();
    mark.put("merged", merged);
    mark.put("files", folder.names().stream().filter(name -> !name.equals(MARK)).toList());
    OutFolder.place(folder.path().resolve(MARK), PythonJson.write(mark) + "\n");
    folder.place(files(settings.out()));
  }

  /// The files of the merged model in a folder; a name that leads out of the folder is skipped.
  private static List<String> files(Path out) {
    JsonNode mark = mark(out);
    List<String> files = new ArrayList<>();
    if (mark != null) {
      Path root = out.toAbsolutePath().normalize();
      for (JsonNode file : mark.path("files")) {
        String name = file.asString("");
        if (!name.isEmpty() && root.resolve(name).normalize().startsWith(root)) {
          files.add(name);
        }
      }
    }
    return files;
  }
}
