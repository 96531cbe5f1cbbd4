package dev.nudge.constrain;

import dev.nudge.constrain.Shape.Kind;
import dev.nudge.constrain.Shape.ListRule;
import dev.nudge.constrain.Shape.NumberRule;
import dev.nudge.constrain.Shape.ObjectRule;
import dev.nudge.constrain.Shape.TextRule;
import dev.nudge.constrain.Shape.TextRule.Pattern;
import dev.nudge.settings.InputException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The keywords of one schema, each validated when it is read.
///
/// @param schema a JSON object
/// @param place JSON pointer to the schema, for messages
record Keywords(JsonNode schema, String place) {
  static final Map<String, Kind> KINDS =
      Map.of(
          "null", Kind.NULL,
          "boolean", Kind.BOOLEAN,
          "number", Kind.NUMBER,
          "integer", Kind.NUMBER,
          "string", Kind.STRING,
          "array", Kind.ARRAY,
          "object", Kind.OBJECT);
  private static final int MOST_DIGITS = 400;
  private static final String TYPES =
      "null, boolean, integer, number, string, array, object or a list of these";

  private InputException wrong(String keyword, String allowed) {
    JsonNode given = schema.get(keyword);
    return SchemaReader.mistake(
        place + "/" + keyword, (given == null ? "it" : brief(given)) + " is not " + allowed);
  }

  /// Shortens a value for messages.
  static String brief(JsonNode value) {
    String text = value.toString();
    return text.length() > 60 ? text.substring(0, 57) + "..." : text;
  }

  static String below(String place, String name) {
    return place + "/" + name.replace("~", "~0").replace("/", "~1");
  }

  @Nullable String text(String keyword) {
    JsonNode value = schema.get(keyword);
    if (value != null && !value.isString()) {
      throw wrong(keyword, "a text");
    }
    return value == null ? null : value.stringValue();
  }

  /// Returns the allowed types; null: any.
  @Nullable List<String> types() {
    JsonNode type = schema.get("type");
    if (type == null) {
      return null;
    }
    List<String> names = new ArrayList<>();
    for (JsonNode name : type.isArray() ? type.values() : List.of(type)) {
      if (!name.isString() || !KINDS.containsKey(name.stringValue())) {
        throw wrong("type", TYPES);
      }
      names.add(name.stringValue());
    }
    if (names.isEmpty()) {
      throw wrong("type", TYPES);
    }
    return names;
  }

  @Nullable List<JsonNode> values(String keyword) {
    JsonNode list = schema.get(keyword);
    if (list == null) {
      return null;
    }
    if (!list.isArray() || list.isEmpty()) {
      throw wrong(keyword, "a list of at least one value");
    }
    list.forEach(value -> checkDigits(keyword, value));
    return List.copyOf(list.values());
  }

  /// Returns the keyword's value (`const`); null: the schema does not have it.
  @Nullable JsonNode value(String keyword) {
    JsonNode value = schema.get(keyword);
    if (value != null) {
      checkDigits(keyword, value);
    }
    return value;
  }

  /// Refuses a number such as 1e999999, as generated numbers are written without exponent.
  private void checkDigits(String keyword, JsonNode value) {
    if (value.isNumber() && digits(value.decimalValue()) > MOST_DIGITS) {
      throw wrong(keyword, "of numbers of at most " + MOST_DIGITS + " digits");
    }
    value.forEach(part -> checkDigits(keyword, part));
  }

  private static long digits(BigDecimal number) {
    return number.precision() + Math.abs((long) number.scale());
  }

  /// Returns the places of the schemas in a list; empty if the keyword is missing.
  List<String> schemas(String keyword) {
    JsonNode list = schema.get(keyword);
    if (list == null) {
      return List.of();
    }
    if (!list.isArray() || list.isEmpty()) {
      throw wrong(keyword, "a list of at least one schema");
    }
    List<String> places = new ArrayList<>();
    for (int i = 0; i < list.size(); i++) {
      places.add(place + "/" + keyword + "/" + i);
    }
    return places;
  }

  private int count(String keyword, int otherwise) {
    JsonNode value = schema.get(keyword);
    if (value == null) {
      return otherwise;
    }
    BigDecimal number = value.isNumber() ? value.decimalValue() : BigDecimal.ONE.negate();
    if (digits(number) > MOST_DIGITS
        || number.signum() < 0
        || number.remainder(BigDecimal.ONE).signum() != 0) {
      throw wrong(keyword, "a whole number from 0 on");
    }
    return number.min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValue();
  }

  private @Nullable BigDecimal number(String keyword) {
    JsonNode value = schema.get(keyword);
    if (value == null) {
      return null;
    }
    if (!value.isNumber()) {
      throw wrong(keyword, "a number");
    }
    BigDecimal number = value.decimalValue();
    if (digits(number) > MOST_DIGITS) {
      throw wrong(keyword, "a number of at most " + MOST_DIGITS + " digits");
    }
    return number;
  }

  NumberRule number() {
    NumberRule rule = NumberRule.ANY;
    BigDecimal least = number("minimum");
    BigDecimal above = number("exclusiveMinimum");
    BigDecimal most = number("maximum");
    BigDecimal below = number("exclusiveMaximum");
    BigDecimal multiple = number("multipleOf");
    rule = least == null ? rule : rule.and(NumberRule.least(least, false));
    rule = above == null ? rule : rule.and(NumberRule.least(above, true));
    rule = most == null ? rule : rule.and(NumberRule.most(most, false));
    rule = below == null ? rule : rule.and(NumberRule.most(below, true));
    if (multiple != null && multiple.signum() <= 0) {
      throw wrong("multipleOf", "a number above 0");
    }
    return multiple == null ? rule : rule.and(NumberRule.multiple(multiple));
  }

  TextRule text() {
    List<Pattern> patterns = new ArrayList<>();
    String pattern = text("pattern");
    if (pattern != null) {
      patterns.add(new Pattern(pattern, true, place + "/pattern"));
    }
    String format = text("format");
    if (format != null && !StringFormats.OF_NUMBERS.contains(format)) {
      String expression = StringFormats.EXPRESSIONS.get(format);
      if (expression == null) {
        throw wrong(
            "format",
            "a format that is supported; those are "
                + String.join(", ", StringFormats.EXPRESSIONS.keySet()));
      }
      patterns.add(new Pattern(expression, false, "format " + format));
    }
    return new TextRule(count("minLength", 0), count("maxLength", -1), List.copyOf(patterns));
  }

  ListRule list() {
    JsonNode items = schema.get("items");
    if (items != null && items.isArray()) {
      throw wrong("items", "one schema; a list of them is prefixItems");
    }
    JsonNode unique = schema.get("uniqueItems");
    if (unique != null && !(unique.isBoolean() && !unique.booleanValue())) {
      throw wrong("uniqueItems", "false; unique items cannot be enforced");
    }
    return new ListRule(
        schemas("prefixItems").stream().map(List::of).toList(),
        items == null ? List.of() : List.of(place + "/items"),
        count("minItems", 0),
        count("maxItems", -1));
  }

  ObjectRule object() {
    Map<String, List<String>> properties = new LinkedHashMap<>();
    JsonNode given = schema.get("properties");
    if (given != null && !given.isObject()) {
      throw wrong("properties", "an object of schemas");
    }
    if (given != null) {
      given
          .propertyNames()
          .forEach(n -> properties.put(n, List.of(below(place + "/properties", n))));
    }
    Set<String> required = new LinkedHashSet<>();
    JsonNode names = schema.get("required");
    for (JsonNode name : names == null || !names.isArray() ? List.<JsonNode>of() : names.values()) {
      if (!name.isString()) {
        throw wrong("required", "a list of names");
      }
      required.add(name.stringValue());
    }
    if (names != null && !names.isArray()) {
      throw wrong("required", "a list of names");
    }
    boolean others = schema.has("additionalProperties");
    return new ObjectRule(
        properties, required, others ? List.of(place + "/additionalProperties") : List.of());
  }

  /// Regular expressions for the string formats that a schema may name.
  ///
  /// Each matches only strings that its standard allows, and of those the usual ones: dates that
  /// exist, seconds up to 59 (a leap second needs certain dates), capital T and Z, addresses whose
  /// parts are letters, digits and few signs.
  private static final class StringFormats {
    private static final String LEAP = "(0[48]|[2468][048]|[13579][26])";
    private static final String DATE =
        "([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
            + "|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}"
            + LEAP
            + "|([02468][048]|[13579][26])00)-02-29)";
    private static final String TIME =
        "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?"
            + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
    private static final String HEX = "[0-9a-fA-F]";
    private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    private static final String LABEL = "[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?";

    private static final Map<String, String> EXPRESSIONS =
        new TreeMap<>(
            Map.of(
                "date", DATE,
                "time", TIME,
                "date-time", DATE + "T" + TIME,
                "uuid", HEX + "{8}(-" + HEX + "{4}){3}-" + HEX + "{12}",
                "ipv4", BYTE + "(\\." + BYTE + "){3}",
                "email",
                    "[A-Za-z0-9_+-]{1,16}(\\.[A-Za-z0-9_+-]{1,15}){0,2}@"
                        + "("
                        + LABEL
                        + "\\.){1,4}[a-z]{2,16}"));

    /// OpenAPI's formats for numbers; a string with one of them is not constrained.
    private static final Set<String> OF_NUMBERS = Set.of("int32", "int64", "float", "double");
  }
}
