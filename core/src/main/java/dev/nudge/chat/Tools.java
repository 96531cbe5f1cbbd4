package dev.nudge.chat;

import dev.nudge.format.Json;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// The tools of a request and which of them the answer may or must call.
///
/// @param shown tools for the chat template; null: none
/// @param choosable functions that the answer may call
/// @param must whether the answer must call one of them
public record Tools(@Nullable ArrayNode shown, List<ObjectNode> choosable, boolean must) {
  /// No tools.
  public static final Tools NONE = new Tools(null, List.of(), false);

  private static final String NAME = "[A-Za-z0-9_.-]{1,128}";

  /// Parses OpenAI's `tools` and `tool_choice`.
  ///
  /// @param given null: none
  /// @param choice null: `auto`
  /// @throws FieldException if one of the two is malformed
  public static Tools of(@Nullable ArrayNode given, @Nullable JsonNode choice) {
    List<ObjectNode> functions = new ArrayList<>();
    for (JsonNode tool : given == null ? List.<JsonNode>of() : given) {
      if (!tool.path("type").asString("").equals("function")
          || !(tool.path("function") instanceof ObjectNode function)
          || !function.path("name").asString("").matches(NAME)) {
        throw new FieldException(
            "tools",
            "tool %d is no function with a name of letters, digits, '_', '-' and '.'"
                .formatted(functions.size() + 1));
      }
      functions.add(function);
    }
    String how = choice == null ? "auto" : choice.isString() ? choice.stringValue() : "named";
    if (functions.isEmpty()) {
      if (how.equals("required") || how.equals("named")) {
        throw new FieldException("tool_choice", "'tool_choice' is given without 'tools'; add them");
      }
      return NONE;
    }
    return switch (how) {
      case "none" -> NONE;
      case "auto" -> new Tools(given, functions, false);
      case "required" -> new Tools(given, functions, true);
      case "named" -> named(given, functions, choice);
      default ->
          throw new FieldException(
              "tool_choice",
              "'tool_choice' is '%s'; it must be none, auto, required or a function"
                  .formatted(FieldException.shown(how)));
    };
  }

  private static Tools named(
      @Nullable ArrayNode given, List<ObjectNode> functions, @Nullable JsonNode choice) {
    String name = choice == null ? "" : choice.path("function").path("name").asString("");
    List<ObjectNode> one =
        functions.stream().filter(f -> f.path("name").asString().equals(name)).toList();
    if (one.isEmpty()) {
      throw new FieldException(
          "tool_choice",
          "'tool_choice' names the function '%s'; it is not among the tools"
              .formatted(FieldException.shown(name)));
    }
    return new Tools(given, one, true);
  }

  /// Returns the JSON schema that constrains the answer: a tool call, if one must be made; a tool
  /// call or `own`, if tools may be called and `own` is given; else `own`.
  ///
  /// @param own the request's schema of the answer; null: none
  /// @throws FieldException if `own` is not JSON
  public @Nullable String schema(ToolFormat format, @Nullable String own) {
    if (must) {
      return format.schema(choosable);
    }
    if (own == null || choosable.isEmpty()) {
      return own;
    }
    try {
      return format.schema(choosable, Json.parse(own));
    } catch (JacksonException e) {
      throw new FieldException("response_format", "the schema of the answer is no JSON");
    }
  }

  /// Names of the functions that may be called.
  Set<String> names() {
    Set<String> names = new HashSet<>();
    choosable.forEach(function -> names.add(function.path("name").asString()));
    return names;
  }
}
