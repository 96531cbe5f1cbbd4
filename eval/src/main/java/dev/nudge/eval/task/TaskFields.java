package dev.nudge.eval.task;

import dev.nudge.format.Json;
import dev.nudge.python.PythonLiteral;
import dev.nudge.settings.InputException;
import dev.nudge.text.jinja.PythonValues;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// Evaluates `doc_to_text`, `doc_to_target` and `doc_to_choice` by the harness's rules: a column
/// name is that column, anything else a Jinja template, whose output may be parsed as a number or
/// list.
final class TaskFields {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final TaskConfig config;
  private final List<String> columns; // columns of the evaluated documents
  private final Map<String, Field> fields = new HashMap<>();

  TaskFields(TaskConfig config, List<String> columns) {
    this.config = config;
    this.columns = columns;
  }

  private Field field(String key, String text) {
    return fields.computeIfAbsent(
        key + "\n" + text, name -> new Field(text, config.place() + ": " + key));
  }

  boolean hasChoices() {
    return config.keys().get("doc_to_choice") != null;
  }

  JsonNode text(JsonNode doc) {
    return text(doc, config.keys().get("doc_to_text"));
  }

  /// Returns the question of a document: a text, or an index if the choices are contexts.
  JsonNode text(JsonNode doc, @Nullable Object written) {
    JsonNode fixed = fixed(written);
    if (fixed != null) {
      return fixed;
    }
    String template = written(written, "doc_to_text", "a column or a template");
    if (columns.contains(template)) {
      return column(doc, template, "doc_to_text");
    }
    String text = field("doc_to_text", template).render(doc);
    return isDigits(text) && hasChoices() ? number(text, "doc_to_text") : NODES.stringNode(text);
  }

  JsonNode target(JsonNode doc) {
    return target(doc, config.keys().get("doc_to_target"));
  }

  /// Returns the target of a document: a text, a choice index, or a list of either.
  JsonNode target(JsonNode doc, @Nullable Object written) {
    JsonNode fixed = fixed(written);
    if (fixed != null) {
      return fixed;
    }
    if (written instanceof List<?> list) {
      return Json.tree(list);
    }
    String template = written(written, "doc_to_target", "a column or a template");
    if (columns.contains(template)) {
      return column(doc, template, "doc_to_target");
    }
    String text = field("doc_to_target", template).render(doc);
    if (isDigits(text) && hasChoices()) {
      return number(text, "doc_to_target");
    }
    if (text.length() >= 2 && text.startsWith("[") && text.endsWith("]")) {
      JsonNode literal = PythonLiteral.read(text);
      return literal == null ? NODES.stringNode(text) : literal;
    }
    return NODES.stringNode(text);
  }

  List<String> choices(JsonNode doc) {
    return choices(doc, config.keys().get("doc_to_choice"));
  }

  /// Returns the choices of a document.
  List<String> choices(JsonNode doc, @Nullable Object written) {
    JsonNode list;
    if (written instanceof List<?> several) {
      list = Json.tree(several);
    } else if (written instanceof Map<?, ?> map) {
      list = Json.tree(new ArrayList<>(map.values()));
    } else {
      String template = written(written, "doc_to_choice", "a list, a column or a template");
      if (columns.contains(template)) {
        list = column(doc, template, "doc_to_choice");
      } else {
        String text = field("doc_to_choice", template).render(doc);
        JsonNode literal = PythonLiteral.read(text);
        if (literal == null) {
          throw wrong("doc_to_choice", "makes " + shortened(text), "it must make a list of texts");
        }
        list = literal;
      }
    }
    List<String> choices = new ArrayList<>();
    for (JsonNode one : list) {
      if (!one.isString()) {
        throw wrong(
            "doc_to_choice", "has the choice " + one, "each must be a text; put it in quotes");
      }
      choices.add(one.stringValue());
    }
    if (!list.isArray() || choices.isEmpty()) {
      throw wrong(
          "doc_to_choice", "makes " + shortened(list.toString()), "it must make a list of texts");
    }
    return choices;
  }

  /// The answer prefix (`gen_prefix`); null: none.
  @Nullable String prefix(JsonNode doc) {
    String template = config.keys().text("gen_prefix");
    if (template == null) {
      return null;
    }
    return columns.contains(template)
        ? PythonValues.str(column(doc, template, "gen_prefix"))
        : field("gen_prefix", template).render(doc);
  }

  /// Evaluates a text that is a column of this document, or a template.
  @Nullable String resolved(JsonNode doc, String key, @Nullable String template) {
    if (template == null || template.isEmpty()) {
      return null;
    }
    return doc.has(template)
        ? PythonValues.str(doc.path(template))
        : field(key, template).render(doc);
  }

  private static @Nullable JsonNode fixed(@Nullable Object written) {
    if (!(written instanceof Long number)) {
      return null;
    }
    boolean small = number == number.intValue();
    return small ? NODES.numberNode(number.intValue()) : NODES.numberNode(number.longValue());
  }

  private String written(@Nullable Object value, String key, String must) {
    if (value instanceof String text) {
      return text;
    }
    throw wrong(key, "is " + TaskYaml.shown(value), "it must be " + must);
  }

  private JsonNode column(JsonNode doc, String name, String key) {
    JsonNode value = doc.get(name);
    if (value == null) {
      throw wrong(
          key,
          "is the column " + name,
          "the document has none of that name: " + shortened(doc.toString()));
    }
    return value;
  }

  private JsonNode number(String digits, String key) {
    JsonNode number = PythonLiteral.read(digits);
    if (number == null) {
      throw wrong(key, "makes " + digits, "a number has no zeros before it");
    }
    return number;
  }

  private static boolean isDigits(String text) {
    return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  InputException wrong(String key, String is, String must) {
    return new InputException("%s: %s %s; %s".formatted(config.place(), key, is, must));
  }

  static String shortened(String text) {
    String line = text.replaceAll("\\s+", " ");
    return line.length() > 120 ? line.substring(0, 120) + "…" : line;
  }
}
