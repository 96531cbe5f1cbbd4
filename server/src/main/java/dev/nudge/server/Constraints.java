package dev.nudge.server;

import dev.nudge.chat.Recent;
import dev.nudge.constrain.Constraint;
import dev.nudge.format.Json;
import dev.nudge.generate.Serving;
import dev.nudge.settings.InputException;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Structured output: reads OpenAI's `response_format` and vLLM's `guided_…` and
/// `structured_outputs`. Compiled constraints are cached for later requests.
///
/// Threading: any number of threads.
final class Constraints {
  private static final int MOST = 64;
  private static final int LONGEST = 1 << 18; // characters of a schema
  private static final String ANY_OBJECT = "{\"type\":\"object\"}";

  private final Serving serving;
  private final Recent<Key, Constraint> compiled = new Recent<>(MOST);

  private record Key(boolean schema, String text, @Nullable Integer turnEnd) {}

  Constraints(Serving serving) {
    this.serving = serving;
  }

  /// Reads the constraint of a request; null: none.
  ///
  /// @throws ApiException if the constraint is malformed or unsupported
  @Nullable Constraint of(Fields fields, @Nullable Integer turnEnd) {
    String schema = schema(fields);
    return schema == null ? guided(fields, turnEnd) : schema("response_format", schema, turnEnd);
  }

  /// The JSON schema of `response_format`; null: none.
  static @Nullable String schema(Fields fields) {
    ObjectNode format = fields.object("response_format");
    if (format == null) {
      return null;
    }
    String type = new Fields(format).needed("type");
    return switch (type) {
      case "text" -> null;
      case "json_object" -> ANY_OBJECT;
      case "json_schema" -> {
        JsonNode schema = format.path("json_schema").path("schema");
        if (!schema.isObject()) {
          throw ApiException.wrong(
              "response_format", "'response_format' has no json_schema.schema that is an object");
        }
        yield Json.line(schema);
      }
      default ->
          throw ApiException.wrong(
              "response_format",
              "'response_format' has the type '%s'; known are text, json_object, json_schema"
                  .formatted(ApiException.shown(type)));
    };
  }

  /// Reads the constraint in vLLM's fields; null: none.
  @Nullable Constraint guided(Fields fields, @Nullable Integer turnEnd) {
    ObjectNode outputs = fields.object("structured_outputs");
    return outputs == null
        ? guided(fields, "guided_", turnEnd)
        : guided(new Fields(outputs), "", turnEnd);
  }

  private @Nullable Constraint guided(Fields fields, String prefix, @Nullable Integer turnEnd) {
    JsonNode json = fields.node(prefix + "json");
    if (json != null) {
      String text = json.isString() ? json.stringValue() : Json.line(json);
      return schema(prefix + "json", text, turnEnd);
    }
    String regex = fields.text(prefix + "regex");
    List<String> choices = fields.texts(prefix + "choice");
    if (regex == null && choices.isEmpty()) {
      return null;
    }
    String name = prefix + (regex == null ? "choice" : "regex");
    String pattern =
        regex == null
            ? choices.stream().map(Constraints::quoted).collect(Collectors.joining("|"))
            : regex;
    return get(name, new Key(false, pattern, turnEnd));
  }

  private static String quoted(String text) {
    return Pattern.compile("[\\\\.\\[\\]{}()*+?^$|/-]").matcher(text).replaceAll("\\\\$0");
  }

  /// Compiles a JSON schema.
  ///
  /// @param field of the request with the schema, for messages
  Constraint schema(String field, String schema, @Nullable Integer turnEnd) {
    return get(field, new Key(true, schema, turnEnd));
  }

  private Constraint get(String field, Key key) {
    if (key.text.length() > LONGEST) {
      throw ApiException.wrong(field, "'%s' has more than %d characters".formatted(field, LONGEST));
    }
    try {
      return compiled.get(
          key,
          wanted ->
              wanted.schema
                  ? serving.jsonSchema(wanted.text, wanted.turnEnd)
                  : serving.regex(wanted.text, wanted.turnEnd));
    } catch (InputException e) {
      throw ApiException.wrong(field, "'%s': %s".formatted(field, e.getMessage()));
    }
  }
}
