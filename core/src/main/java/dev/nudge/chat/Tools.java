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

/// The tools of a request.
///
/// @param shown to the template; null: none
/// @param choosable functions that may be called
/// @param must whether one of them has to be
public record Tools(@Nullable ArrayNode shown, List<ObjectNode> choosable, boolean must) {
  /// No tools.
  public static final Tools NONE = new Tools(null, List.of(), false);

  private static final String NAME = "[A-Za-z0-9_.-]{1,128}";

  /// Reads OpenAI's `tools` and `tool_choice`.
  ///
  /// @param given null: none
  /// @param choice null: as `auto`
  /// @throws FieldException where one of the two is not what it may be
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

  /// The schema that an answer is held to: a call where one has to be made; where the answer has a
  /// schema of its own and tools may be called, one of both; null: any text.
  ///
  /// @param own of the answer; null: none
  /// @throws FieldException where that is no JSON
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
