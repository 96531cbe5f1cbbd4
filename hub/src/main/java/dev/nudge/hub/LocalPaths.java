package dev.nudge.hub;

import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.settings.HubName;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.MissingNode;
import tools.jackson.databind.node.ObjectNode;

/// The places where a file of a model names a path of the machine on which it was made: the base in
/// configs that Python's libraries and nudge write, and what nudge's own files say a folder was
/// made
/// from.
final class LocalPaths {
  private static final Pattern CONFIGS =
      Pattern.compile(
          "((adapter_|tokenizer_|preprocessor_|processor_|generation_|quantize_|quant_)?config"
              + "|special_tokens_map)\\.json");

  /// Keys of these configs, at any depth, whose texts may be paths.
  private static final Pattern NAMED =
      Pattern.compile("(.*_)?(path|file|dir|folder|tokenizer|dataset|model)");

  private static final String CARD = "README.md";
  private static final Pattern BASE_OF_CARD =
      Pattern.compile("(?m)^(- base_model:adapter:|(?:- )?base_model: |- )(\\S+)$");

  private static final String MARK = "nudge.json";
  private static final String RELEASE = "release.json";

  private static final List<String> KEYS =
      List.of("base_model_name_or_path", "_name_or_path", "name_or_path");

  /// Keys of nudge's own files, at any depth, whose texts may be paths.
  private static final Set<String> MADE_FROM =
      Set.of(
          ("base source model adapter adapters data eval_data calibration policy out registry"
                  + " template tokenizer")
              .split(" "));

  private static final Pattern PATH =
      Pattern.compile("([/~\\\\]|\\.{1,2}[/\\\\]|[A-Za-z]:[/\\\\]).*");

  private LocalPaths() {}

  /// The texts of the files that have local paths, without these. A release's digests of the other
  /// files follow.
  ///
  /// @param files by their names
  static Map<String, String> replaced(Map<String, Path> files) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : files.keySet()) {
      boolean config = CONFIGS.matcher(name).matches();
      JsonNode root = config || name.equals(MARK) ? read(files, name) : MissingNode.getInstance();
      if (config
          ? inConfig(root) | replaced(root, k -> NAMED.matcher(k).matches(), false)
          : replaced(root, MADE_FROM::contains, false)) {
        texts.put(name, Json.indented(root));
      }
    }
    JsonNode release = read(files, RELEASE);
    boolean changed = replaced(release.path("settings"), MADE_FROM::contains, false);
    for (Map.Entry<String, String> text : texts.entrySet()) {
      if (release.path("files").path(text.getKey()) instanceof ObjectNode file) {
        byte[] bytes = text.getValue().getBytes(StandardCharsets.UTF_8);
        file.put("sha256", Sha256.of(bytes)).put("bytes", bytes.length);
        changed = true;
      }
    }
    if (changed) {
      texts.put(RELEASE, Json.indented(release));
    }
    String card = files.containsKey(CARD) ? card(files.get(CARD)) : null;
    if (card != null) {
      texts.put(CARD, card);
    }
    return texts;
  }

  private static JsonNode read(Map<String, Path> files, String name) {
    Path file = files.get(name);
    return file == null ? MissingNode.getInstance() : Json.readOrMissing(file);
  }

  /// A model card whose front matter names a base by a local path, as PEFT writes it.
  private static @Nullable String card(Path card) throws IOException {
    String text = Files.readString(card);
    int end = text.startsWith("---\n") ? text.indexOf("\n---", 4) : -1;
    if (end < 0) {
      return null;
    }
    String front = text.substring(0, end);
    String named =
        BASE_OF_CARD
            .matcher(front)
            .replaceAll(
                line ->
                    Matcher.quoteReplacement(
                        line.group(1)
                            + (isPath(line.group(2)) ? base(line.group(2)) : line.group(2))));
    return named.equals(front) ? null : named + text.substring(end);
  }

  private static boolean inConfig(JsonNode root) {
    boolean changed = false;
    if (root instanceof ObjectNode object) {
      for (String key : KEYS) {
        String given = object.path(key).asString("");
        String name = base(given);
        if (!name.equals(given)) {
          object.put(key, name);
          changed = true;
        }
      }
    }
    return changed;
  }

  /// Replaces the paths in a file.
  ///
  /// @param keys whose texts may be paths
  /// @param paths whether texts of a list may be paths
  /// @return whether there was one
  private static boolean replaced(JsonNode node, Predicate<String> keys, boolean paths) {
    boolean changed = false;
    if (node instanceof ObjectNode object) {
      for (String key : List.copyOf(object.propertyNames())) {
        boolean may = keys.test(key);
        JsonNode value = object.path(key);
        if (may && isPath(value)) {
          object.put(key, base(value.asString()));
          changed = true;
        } else {
          changed |= replaced(value, keys, may);
        }
      }
    } else if (node instanceof ArrayNode list) {
      for (int i = 0; i < list.size(); i++) {
        if (paths && isPath(list.get(i))) {
          list.set(i, base(list.get(i).asString()));
          changed = true;
        } else {
          changed |= replaced(list.get(i), keys, paths);
        }
      }
    }
    return changed;
  }

  private static boolean isPath(JsonNode value) {
    return value.isString() && isPath(value.asString());
  }

  private static boolean isPath(String text) {
    try {
      return PATH.matcher(text).matches() || text.contains("/") && Files.exists(Path.of(text));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /// The name of a base as it may be published: of the hub, else the last name of its path.
  static String base(String given) {
    try {
      boolean local = !given.isEmpty() && (!RepoName.isName(given) || Files.exists(Path.of(given)));
      return local ? HubName.last(Path.of(given.replace('\\', '/'))) : given;
    } catch (InvalidPathException e) {
      return "";
    }
  }
}
