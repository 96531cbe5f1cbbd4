package dev.nudge.text.chat;

import dev.nudge.format.FolderText;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/// Finds the chat templates of a model folder where transformers does: `chat_template.jinja` and
/// `additional_chat_templates/NAME.jinja` (or `chat_templates/NAME.jinja`), else `chat_template` of
/// `tokenizer_config.json`, a text or a list
/// of named ones; an old `chat_template.json` last.
final class TemplateFiles {
  static final String DEFAULT = "default";

  private TemplateFiles() {}

  /// A template as text, and where it stands, for messages.
  record Source(String text, String place) {}

  static Map<String, Source> of(Path folder) {
    Map<String, Source> found = new LinkedHashMap<>();
    Path file = folder.resolve("chat_template.jinja");
    if (Files.isRegularFile(file)) {
      found.put(DEFAULT, read(file));
    }
    for (String place : FolderText.TEMPLATES) {
      for (Path more : FolderText.jinja(folder.resolve(place))) {
        String name = more.getFileName().toString();
        found.put(name.substring(0, name.length() - ".jinja".length()), read(more));
      }
    }
    for (String name : List.of("tokenizer_config.json", "chat_template.json")) {
      Path json = folder.resolve(name);
      if (found.isEmpty() && FolderText.exists(json)) {
        add(Json.read(json).path("chat_template"), json.toString(), found);
      }
    }
    return found;
  }

  private static void add(JsonNode node, String place, Map<String, Source> found) {
    if (node.isString()) {
      found.put(DEFAULT, new Source(node.stringValue(), "chat_template of " + place));
    }
    for (JsonNode one : node.isArray() ? node : List.<JsonNode>of()) {
      String name = one.path("name").asString("");
      String template = one.path("template").asString("");
      found.put(name, new Source(template, "chat_template '" + name + "' of " + place));
    }
  }

  static Source read(Path file) {
    try {
      return new Source(Files.readString(file), file.toString());
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
  }
}
