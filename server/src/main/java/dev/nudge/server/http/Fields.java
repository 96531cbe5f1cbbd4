package dev.nudge.server.http;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads typed fields of a request body. Null counts as absent; [KnownFields] reports unknown
/// fields.
///
/// @param body JSON object of the request
public record Fields(ObjectNode body) {
  private static final int MOST_ENTRIES = 4096; // of a list of texts or tokens to stop at

  /// Whether a field has a value.
  public boolean has(String name) {
    return body.hasNonNull(name);
  }

  /// The raw value; null if absent.
  public @Nullable JsonNode node(String name) {
    return has(name) ? body.get(name) : null;
  }

  /// A text; null if absent.
  public @Nullable String text(String name) {
    JsonNode node = node(name);
    if (node == null || node.isString()) {
      return node == null ? null : node.stringValue();
    }
    throw wrong(name, node, "a text");
  }

  /// A required text.
  public String needed(String name) {
    String text = text(name);
    if (text == null || text.isBlank()) {
      throw ApiException.missing(name, "'" + name + "' is missing");
    }
    return text;
  }

  /// A boolean, or a default.
  public boolean flag(String name, boolean otherwise) {
    JsonNode node = node(name);
    if (node == null || node.isBoolean()) {
      return node == null ? otherwise : node.booleanValue();
    }
    throw wrong(name, node, "true or false");
  }

  /// A number from `least` to `most`; null if absent.
  public @Nullable Double number(String name, double least, double most) {
    JsonNode node = node(name);
    if (node == null) {
      return null;
    }
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    if (!(value >= least && value <= most)) {
      throw wrong(name, node, "a number from " + plain(least) + " to " + plain(most));
    }
    return value;
  }

  /// An integer from `least` to `most`; null if absent.
  public @Nullable Long whole(String name, long least, long most) {
    JsonNode node = node(name);
    return node == null ? null : whole(name, node, least, most);
  }

  private static long whole(String name, JsonNode node, long least, long most) {
    double value = node.isNumber() ? node.doubleValue() : Double.NaN;
    boolean fits = node.isIntegralNumber() ? node.canConvertToLong() : value == Math.rint(value);
    if (!fits || value < least || value > most) {
      throw wrong(name, node, "a whole number from " + least + " to " + most);
    }
    return node.isIntegralNumber() ? node.longValue() : (long) value;
  }

  /// A text as a list, or a list of texts.
  public List<String> texts(String name) {
    JsonNode node = node(name);
    if (node == null) {
      return List.of();
    }
    List<String> texts = new ArrayList<>();
    for (JsonNode one : node.isArray() ? node : List.of(node)) {
      if (!one.isString()) {
        throw wrong(name, node, "a text or a list of texts");
      }
      texts.add(one.stringValue());
    }
    return few(name, texts);
  }

  /// A list of token ids.
  public List<Integer> tokens(String name) {
    JsonNode node = node(name);
    if (node == null) {
      return List.of();
    }
    if (!node.isArray()) {
      throw wrong(name, node, "a list of token ids");
    }
    List<Integer> ids = new ArrayList<>();
    node.forEach(id -> ids.add((int) whole(name, id, 0, Integer.MAX_VALUE)));
    return few(name, ids);
  }

  private static <T> List<T> few(String name, List<T> all) {
    if (all.size() > MOST_ENTRIES) {
      throw ApiException.wrong(
          name, "'%s' has %d entries; at most %d may be".formatted(name, all.size(), MOST_ENTRIES));
    }
    return all;
  }

  /// An object; null if absent.
  public @Nullable ObjectNode object(String name) {
    JsonNode node = node(name);
    if (node == null || node instanceof ObjectNode) {
      return (ObjectNode) node;
    }
    throw wrong(name, node, "an object");
  }

  /// A list; null if absent.
  public @Nullable ArrayNode list(String name) {
    JsonNode node = node(name);
    if (node == null || node instanceof ArrayNode) {
      return (ArrayNode) node;
    }
    throw wrong(name, node, "a list");
  }

  public static ApiException wrong(String name, JsonNode given, String allowed) {
    return ApiException.wrong(
        name, "'%s' is %s; it must be %s".formatted(name, shown(given), allowed));
  }

  private static String shown(JsonNode given) {
    return given.isContainer()
        ? given.isArray() ? "a list" : "an object"
        : ApiException.shown(given.toString());
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
  }
}
