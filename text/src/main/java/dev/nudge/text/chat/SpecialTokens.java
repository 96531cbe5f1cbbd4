package dev.nudge.text.chat;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// The special tokens of a model folder, as texts.
///
/// @param named tokens that a template sees by name: `bos_token`, `eos_token` …
/// @param ends tokens that end an answer, the tokenizer's own first
/// @param all every special token
record SpecialTokens(Map<String, String> named, Set<String> ends, Set<String> all) {
  static SpecialTokens read(Path folder) {
    JsonNode config = Json.readOrMissing(folder.resolve("tokenizer_config.json"));
    Map<String, String> named = new LinkedHashMap<>();
    name(Json.readOrMissing(folder.resolve("special_tokens_map.json")), named);
    name(config, named);
    name(config.path("extra_special_tokens"), named);
    Map<Integer, String> byId = new LinkedHashMap<>();
    added(folder.resolve("tokenizer.json"), byId);
    if (byId.isEmpty()) {
      for (Map.Entry<String, JsonNode> entry : config.path("added_tokens_decoder").properties()) {
        add(entry.getValue(), entry.getKey(), byId);
      }
    }
    Set<String> ends = new LinkedHashSet<>();
    if (named.containsKey("eos_token")) {
      ends.add(named.get("eos_token"));
    }
    for (String file : List.of("generation_config.json", "config.json")) {
      JsonNode eos = Json.readOrMissing(folder.resolve(file)).path("eos_token_id");
      for (JsonNode id : eos.isArray() ? eos : List.of(eos)) {
        String token = id.isIntegralNumber() ? byId.get(id.intValue()) : null;
        if (token != null) {
          ends.add(token);
        }
      }
    }
    Set<String> all = new LinkedHashSet<>(byId.values());
    all.addAll(named.values());
    return new SpecialTokens(named, ends, all);
  }

  private static void name(JsonNode object, Map<String, String> named) {
    for (Map.Entry<String, JsonNode> entry : object.properties()) {
      JsonNode value = entry.getValue();
      JsonNode content = value.isObject() ? value.path("content") : value;
      if (entry.getKey().endsWith("_token") && content.isString()) {
        named.put(entry.getKey(), content.stringValue());
      }
    }
  }

  /// Reads only `added_tokens`, which precede the large vocabulary.
  private static void added(Path file, Map<Integer, String> byId) {
    if (!FolderText.exists(file)) {
      return;
    }
    JsonMapper mapper = JsonMapper.shared();
    try (JsonParser parser = mapper.createParser(FolderText.bytes(file))) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        if (name.equals("added_tokens")) {
          JsonNode tokens = mapper.readTree(parser);
          tokens.forEach(token -> add(token, token.path("id").asString(""), byId));
          return;
        }
        parser.skipChildren();
      }
    } catch (IOException | JacksonException e) {
      byId.clear(); // the tokenizer's loader reports errors in the file
    }
  }

  private static void add(JsonNode token, String id, Map<Integer, String> byId) {
    JsonNode content = token.path("content");
    if (token.path("special").asBoolean(false) && content.isString() && id.matches("\\d{1,9}")) {
      byId.put(Integer.parseInt(id), content.stringValue());
    }
  }

  /// Finds the first of some tokens in a part of a text; null: none.
  static @Nullable Found first(String text, int from, int to, Set<String> tokens) {
    List<Found> found = new ArrayList<>();
    for (String token : tokens) {
      int at = token.isEmpty() ? -1 : text.indexOf(token, from, to);
      if (at >= 0) {
        found.add(new Found(at, token));
      }
    }
    return found.stream()
        .min(
            (a, b) ->
                a.at() != b.at()
                    ? Integer.compare(a.at(), b.at())
                    : Integer.compare(b.token().length(), a.token().length()))
        .orElse(null);
  }

  record Found(int at, String token) {
    int end() {
      return at + token.length();
    }
  }
}
