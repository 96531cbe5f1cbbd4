package dev.nudge.chat;

import dev.nudge.format.Json;
import dev.nudge.text.chat.Harmony;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// How a family of models writes tool calls.
///
/// ```
///   HERMES   <tool_call>{"name": …, "arguments": {…}}</tool_call>     Qwen, Hermes, SmolLM3
///   LLAMA    {"name": …, "parameters": {…}}                           Llama 3
///   MISTRAL  [TOOL_CALLS] [{"name": …, "arguments": {…}}]
///   HARMONY  <|channel|>commentary to=functions.NAME <|message|>{…}    gpt-oss, see [Harmony]
/// ```
///
/// `<|python_tag|>` and `[TOOL_CALLS]` are special tokens, which decoding leaves out, so these
/// two formats are recognised by JSON at the start of an answer; it counts as a call only if it
/// names one of the request's tools.
public enum ToolFormat {
  HERMES("<tool_call>", "</tool_call>", "arguments"),
  LLAMA("<|python_tag|>", null, "parameters"),
  MISTRAL("[TOOL_CALLS]", null, "arguments"),
  HARMONY("<|channel|>", null, "arguments");

  private static final String ANY_OBJECT = "{\"type\":\"object\"}";
  private static final String LETTERS =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  private static final Pattern SEVERAL = Pattern.compile("(?<=\\})\\s*;\\s*(?=\\{)");
  private static final List<String> KEYS = List.of("arguments", "parameters");

  final String begin;
  final @Nullable String end; // null: the end of the answer
  final String argumentsKey;

  ToolFormat(String begin, @Nullable String end, String argumentsKey) {
    this.begin = begin;
    this.end = end;
    this.argumentsKey = argumentsKey;
  }

  /// A tool call.
  ///
  /// @param arguments a JSON object, as text
  public record Call(String name, String arguments) {}

  /// Returns the format that a chat template uses for tool calls.
  public static ToolFormat of(String template) {
    if (Harmony.isIn(template)) {
      return HARMONY;
    }
    if (template.contains(MISTRAL.begin)) {
      return MISTRAL;
    }
    boolean llama = template.contains("python_tag") || template.contains("ipython");
    return llama && !template.contains(HERMES.begin) ? LLAMA : HERMES;
  }

  /// Whether a template accepts only one tool call per message.
  public boolean callsOne(String template) {
    return this == LLAMA || this == HARMONY || template.contains("single tool-calls");
  }

  /// Makes a random id for a tool call; Mistral's templates take only nine letters and digits.
  public String id(RandomGenerator random) {
    StringBuilder id = new StringBuilder(this == MISTRAL ? "" : "call_");
    int length = this == MISTRAL ? 9 : 24;
    for (int i = 0; i < length; i++) {
      id.append(LETTERS.charAt(random.nextInt(LETTERS.length())));
    }
    return id.toString();
  }

  /// Parses a text that is only JSON of tool calls: one, a list, or several separated by `;`.
  ///
  /// @param known names of the request's tools; null: any
  /// @return empty if the text is something else
  public static List<Call> calls(String text, @Nullable Set<String> known) {
    List<Call> calls = new ArrayList<>();
    for (JsonNode node : values(text.strip())) {
      for (JsonNode one : node.isArray() ? node : List.of(node)) {
        Call call = call(one);
        if (call == null || (known != null && !known.contains(call.name))) {
          return List.of();
        }
        calls.add(call);
      }
    }
    return calls;
  }

  /// The call of a tool by its name, or null if the arguments are no JSON object.
  static @Nullable Call call(String name, String arguments) {
    try {
      JsonNode values = Json.parseStrictly(arguments.strip());
      return values.isObject() ? new Call(name, Json.line(values)) : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  private static List<JsonNode> values(String text) {
    try {
      return List.of(Json.parseStrictly(text));
    } catch (JacksonException e) {
      List<JsonNode> values = new ArrayList<>();
      for (String part : SEVERAL.split(text, -1)) {
        try {
          values.add(Json.parseStrictly(part));
        } catch (JacksonException broken) {
          return List.of();
        }
      }
      return values;
    }
  }

  private static @Nullable Call call(JsonNode node) {
    JsonNode name = node.path("name");
    for (String key : KEYS) {
      JsonNode arguments = node.path(key);
      if (name.isString() && arguments.isObject()) {
        return new Call(name.stringValue(), Json.line(arguments));
      }
    }
    return null;
  }

  /// Returns the JSON schema of a call of one of these tools in this format.
  ///
  /// @param functions the functions of OpenAI's `tools`: a name, and parameters as a JSON schema
  public String schema(List<ObjectNode> functions) {
    return schema(functions, null);
  }

  /// The schema of one call, or of another value.
  ///
  /// @param other a schema; null: nothing else than a call
  String schema(List<ObjectNode> functions, @Nullable JsonNode other) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    boolean one = functions.size() == 1 && other == null;
    for (int i = 0; i < functions.size(); i++) {
      ObjectNode call = one ? root : root.withArray("anyOf").addObject();
      String at = (one ? "#" : "#/anyOf/" + i) + "/properties/" + argumentsKey;
      ObjectNode function = functions.get(i);
      call.put("type", "object");
      ObjectNode properties = call.putObject("properties");
      properties.putObject("name").put("const", function.path("name").asString());
      JsonNode parameters = function.path("parameters");
      properties.set(
          argumentsKey, parameters.isObject() ? moved(parameters, at) : Json.parse(ANY_OBJECT));
      call.putArray("required").add("name").add(argumentsKey);
      call.put("additionalProperties", false);
    }
    if (other != null) {
      root.withArray("anyOf").add(moved(other, "#/anyOf/" + functions.size()));
    }
    return Json.line(root);
  }

  /// A schema whose references to itself still hold where it is a part of another.
  private static JsonNode moved(JsonNode schema, String place) {
    JsonNode copy = schema.deepCopy();
    move(copy, place);
    return copy;
  }

  private static void move(JsonNode node, String place) {
    if (node instanceof ObjectNode object && object.path("$ref").isString()) {
      String to = object.path("$ref").stringValue();
      if (to.startsWith("#")) {
        object.put("$ref", place + to.substring(1));
      }
    }
    node.forEach(child -> move(child, place));
  }
}
