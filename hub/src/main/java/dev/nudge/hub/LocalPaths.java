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

/// Replaces local paths in a model's files before they are published: the base in configs that
/// Python's libraries and nudge write, and the origins in nudge's own files.
final class LocalPaths {
  private static final Pattern CONFIGS = Pattern.compile("(" + FileChoice.CONFIGS + ")\\.json");

  /// Keys of these configs, at any depth, whose values may be paths.
  private static final Pattern NAMED =
      Pattern.compile("(.*_)?(path|file|dir|folder|tokenizer|dataset|model)");

  private static final String CARD = "README.md";
  private static final Pattern BASE_OF_CARD =
      Pattern.compile("(?m)^(- base_model:adapter:|(?:- )?base_model: |- )(\\S+)$");

  private static final String MARK = "nudge.json";
  private static final String RELEASE = "release.json";

  /// Keys whose values are hub names or paths, even if they look like neither.
  private static final Set<String> KEYS =
      Set.of("base_model_name_or_path", "_name_or_path", "name_or_path");

  /// Keys of nudge's own files, at any depth, whose values may be paths.
  private static final Set<String> MADE_FROM =
      Set.of(
          ("base source model adapter adapters data eval_data calibration policy out registry"
                  + " template tokenizer")
              .split(" "));

  private static final Pattern PATH =
      Pattern.compile("([/~\\\\]|\\.{1,2}[/\\\\]|[A-Za-z]:[/\\\\]).*");

  private LocalPaths() {}

  /// Returns the new texts of the files with local paths; a release's digests of them are updated.
  ///
  /// @param files the files by name
  static Map<String, String> replaced(Map<String, Path> files) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    for (String name : files.keySet()) {
      boolean config = CONFIGS.matcher(name).matches();
      JsonNode root = config || name.equals(MARK) ? read(files, name) : MissingNode.getInstance();
      if (replaced(root, config ? k -> NAMED.matcher(k).matches() : MADE_FROM::contains)) {
        texts.put(name, Json.indented(root));
      }
    }
    JsonNode release = read(files, RELEASE);
    boolean changed = replaced(release.path("settings"), MADE_FROM::contains);
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

  /// Rewrites a model card whose front matter names a base by a local path, as PEFT writes it.
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

  /// Replaces the paths in a file.
  ///
  /// @param keys selects keys whose texts, or lists of texts, may be paths
  /// @return whether a path was replaced
  private static boolean replaced(JsonNode node, Predicate<String> keys) {
    boolean changed = false;
    if (node instanceof ObjectNode object) {
      for (String key : List.copyOf(object.propertyNames())) {
        JsonNode value = object.path(key);
        String name = keys.test(key) ? name(key, value) : null;
        if (name != null) {
          object.put(key, name);
          changed = true;
        } else if (keys.test(key) && value instanceof ArrayNode list) {
          for (int i = 0; i < list.size(); i++) {
            name = name(key, list.get(i));
            if (name != null) {
              list.set(i, name);
              changed = true;
            }
          }
        }
        changed |= replaced(value, keys);
      }
    } else {
      for (JsonNode one : node) {
        changed |= replaced(one, keys);
      }
    }
    return changed;
  }

  /// Returns the replacement of a path; null: the text stays.
  private static @Nullable String name(String key, JsonNode value) {
    String given = value.isString() ? value.asString() : "";
    String name = KEYS.contains(key) || isPath(given) ? base(given) : given;
    return name.equals(given) ? null : name;
  }

  private static boolean isPath(String text) {
    try {
      return PATH.matcher(text).matches() || text.contains("/") && Files.exists(Path.of(text));
    } catch (InvalidPathException e) {
      return false;
    }
  }

  /// Returns the publishable name of a base: its hub name, else the last name of its path.
  static String base(String given) {
    try {
      boolean local = !given.isEmpty() && (!RepoName.isName(given) || Files.exists(Path.of(given)));
      return local ? HubName.last(Path.of(given.replace('\\', '/'))) : given;
    } catch (InvalidPathException e) {
      return "";
    }
  }
}
