package dev.nudge.constrain;

import dev.nudge.constrain.Shape.Kind;
import dev.nudge.constrain.Shape.ListRule;
import dev.nudge.constrain.Shape.NumberRule;
import dev.nudge.constrain.Shape.ObjectRule;
import dev.nudge.settings.InputException;
import java.math.BigDecimal;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JsonPointer;
import tools.jackson.databind.JsonNode;

/// Normalises a schema into [Shape]s: resolves references, merges `allOf` and its siblings, and
/// returns a shape for each branch of `anyOf` and `oneOf`.
///
/// Schemas are named by their places in the document, JSON pointers that begin with `#`: a value is
/// valid under a list of places if it is valid under each. So a schema may contain itself, if each
/// cycle passes through an item or a property.
final class SchemaReader {
  private static final int MOST_SHAPES = 1000;
  private static final int MOST_APART = 8; // depth to which schemas are compared
  private static final Set<String> NOTES =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "$schema",
          "$id",
          "$comment",
          "$defs",
          "definitions",
          "deprecated",
          "readOnly",
          "writeOnly");
  static final List<String> KEYWORDS =
      List.of(
          "type",
          "enum",
          "const",
          "properties",
          "required",
          "additionalProperties",
          "items",
          "prefixItems",
          "minItems",
          "maxItems",
          "uniqueItems",
          "minLength",
          "maxLength",
          "pattern",
          "format",
          "minimum",
          "maximum",
          "exclusiveMinimum",
          "exclusiveMaximum",
          "multipleOf",
          "anyOf",
          "oneOf",
          "allOf",
          "$ref");

  private final JsonNode root;
  private final Map<String, List<Shape>> read = new HashMap<>();
  private final Map<List<String>, List<Shape>> joined = new HashMap<>();
  private final Set<String> open = new LinkedHashSet<>();

  SchemaReader(JsonNode root) {
    this.root = root;
  }

  static InputException mistake(String place, String what) {
    return new InputException("the schema at " + place + ": " + what);
  }

  /// Returns the shapes of the values that are valid under all of some places.
  List<Shape> shapes(List<String> places) {
    List<Shape> known = joined.get(places);
    if (known == null) {
      known = List.of(Shape.ANY);
      for (String place : places) {
        known = both(known, shapes(place), place);
      }
      joined.put(places, known);
    }
    return known;
  }

  private List<Shape> shapes(String place) {
    List<Shape> known = read.get(place);
    if (known == null) {
      if (!open.add(place)) {
        throw mistake(place, "$ref leads back here without a value between; take one away");
      }
      known = read(place);
      open.remove(place);
      read.put(place, known);
    }
    return known;
  }

  private static List<Shape> both(List<Shape> a, List<Shape> b, String place) {
    List<Shape> all = new ArrayList<>();
    for (Shape left : a) {
      for (Shape right : b) {
        Shape both = left == Shape.ANY ? right : right == Shape.ANY ? left : left.and(right);
        Work.add(both.size());
        if (!both.kinds().isEmpty() && (both.values() == null || !both.values().isEmpty())) {
          all.add(both);
        }
      }
    }
    if (all.size() > MOST_SHAPES) {
      throw mistake(place, "more than " + MOST_SHAPES + " branches when all are joined");
    }
    return List.copyOf(new LinkedHashSet<>(all));
  }

  private List<Shape> read(String place) {
    JsonNode schema = root.at(JsonPointer.compile(place.substring(1)));
    if (schema.isBoolean()) {
      return schema.booleanValue() ? List.of(Shape.ANY) : List.of();
    }
    if (!schema.isObject()) {
      throw mistake(
          place, Keywords.brief(schema) + " is no schema; it is an object, true or false");
    }
    for (String keyword : schema.propertyNames()) {
      if (!KEYWORDS.contains(keyword) && !NOTES.contains(keyword)
          || keyword.equals("$id") && !place.equals("#")) {
        throw mistake(
            place,
            "the keyword '%s' is not supported%s; supported are %s"
                .formatted(
                    keyword,
                    keyword.equals("$id") ? " below the top" : "",
                    String.join(", ", KEYWORDS)));
      }
    }
    Keywords keywords = new Keywords(schema, place);
    List<Shape> all = both(List.of(own(keywords)), List.of(Shape.ANY), place);
    String reference = keywords.text("$ref");
    if (reference != null) {
      all = both(all, shapes(target(reference, place)), place);
    }
    for (String part : keywords.schemas("allOf")) {
      all = both(all, shapes(part), place);
    }
    if (schema.has("anyOf")) {
      List<Shape> any = new ArrayList<>();
      for (String branch : keywords.schemas("anyOf")) {
        any.addAll(shapes(branch));
      }
      all = both(all, any, place);
    }
    return schema.has("oneOf") ? one(all, keywords, place) : all;
  }

  /// Reads `oneOf`, whose branches must be disjoint: only then it means the same as `anyOf`.
  private List<Shape> one(List<Shape> siblings, Keywords keywords, String place) {
    List<List<Shape>> branches = new ArrayList<>();
    for (String branch : keywords.schemas("oneOf")) {
      branches.add(both(siblings, shapes(branch), place));
    }
    for (int i = 0; i < branches.size(); i++) {
      for (int j = 0; j < i; j++) {
        if (!apart(branches.get(j), branches.get(i), 0)) {
          throw mistake(
              place + "/oneOf",
              "a value may be valid under branches "
                  + j
                  + " and "
                  + i
                  + "; set them apart by type or by a required property with other constants, or"
                  + " write anyOf");
        }
      }
    }
    return List.copyOf(new LinkedHashSet<>(branches.stream().flatMap(List::stream).toList()));
  }

  private Shape own(Keywords keywords) {
    Shape shape = Shape.ANY;
    List<String> types = keywords.types();
    if (types != null) {
      Set<Kind> kinds = new LinkedHashSet<>();
      types.forEach(t -> kinds.add(t.equals("integer") ? Kind.NUMBER : Keywords.KINDS.get(t)));
      shape = shape.with(kinds);
      if (types.contains("integer") && !types.contains("number")) {
        shape = shape.with(NumberRule.multiple(BigDecimal.ONE));
      }
    }
    List<JsonNode> values = keywords.values("enum");
    shape = values == null ? shape : shape.with(values);
    JsonNode constant = keywords.value("const");
    shape = constant == null ? shape : shape.with(List.of(constant));
    return shape
        .with(keywords.number())
        .with(keywords.text())
        .with(keywords.list())
        .with(keywords.object());
  }

  private String target(String reference, String place) {
    String pointer = reference;
    try {
      pointer = URLDecoder.decode(reference.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException _) {
      // the reference is refused below, undecoded
    }
    boolean inside = pointer.equals("#") || pointer.startsWith("#/");
    if (!inside) {
      throw mistake(
          place + "/$ref",
          "'" + reference + "' is not within the schema; references are # and #/$defs/…");
    }
    if (root.at(JsonPointer.compile(pointer.substring(1))).isMissingNode()) {
      throw mistake(place + "/$ref", "'" + reference + "' is not there");
    }
    return pointer;
  }

  /// Whether a value is valid under all of some places.
  boolean has(List<String> places, JsonNode value) {
    return shapes(places).stream().anyMatch(shape -> has(shape, value));
  }

  boolean has(Shape shape, JsonNode value) {
    Kind kind = Kind.of(value);
    List<JsonNode> values = shape.values();
    if (!shape.kinds().contains(kind)
        || values != null && values.stream().noneMatch(v -> Values.same(v, value))) {
      return false;
    }
    return switch (kind) {
      case NULL, BOOLEAN -> true;
      case NUMBER -> shape.number().has(value.decimalValue());
      case STRING -> shape.text().has(value.stringValue());
      case ARRAY -> {
        ListRule rule = shape.list();
        boolean all =
            value.size() >= rule.least() && (rule.most() < 0 || value.size() <= rule.most());
        for (int i = 0; all && i < value.size(); i++) {
          all = has(rule.item(i), value.get(i));
        }
        yield all;
      }
      case OBJECT -> {
        ObjectRule rule = shape.object();
        yield rule.required().stream().allMatch(value::has)
            && value.properties().stream()
                .allMatch(p -> has(rule.property(p.getKey()), p.getValue()));
      }
    };
  }

  /// Whether two schemas are evidently disjoint: different types, constants, ranges of numbers,
  /// string patterns or list lengths, or a disjoint part that both require. False does not imply
  /// that a value is valid under both.
  private boolean apart(List<Shape> a, List<Shape> b, int depth) {
    return depth <= MOST_APART
        && a.stream().allMatch(left -> b.stream().allMatch(right -> apart(left, right, depth)));
  }

  private boolean apart(Shape a, Shape b, int depth) {
    List<JsonNode> values = a.values() == null ? b.values() : a.values();
    if (values != null) {
      return values.stream().noneMatch(v -> has(a, v) && has(b, v));
    }
    Set<Kind> shared = EnumSet.noneOf(Kind.class);
    shared.addAll(a.kinds());
    shared.retainAll(b.kinds());
    return shared.stream().allMatch(kind -> apart(kind, a, b, depth));
  }

  private boolean apart(Kind kind, Shape a, Shape b, int depth) {
    return switch (kind) {
      case NULL, BOOLEAN -> false;
      case NUMBER -> nothing(a.number().and(b.number()));
      case STRING -> a.text().and(b.text()).automaton().isEmpty();
      case ARRAY -> {
        ListRule both = a.list().and(b.list());
        boolean none = both.most() >= 0 && both.least() > both.most();
        for (int i = 0; !none && i < Math.min(both.least(), both.first().size() + 1); i++) {
          none = placesApart(a.list().item(i), b.list().item(i), depth);
        }
        yield none;
      }
      case OBJECT -> {
        Set<String> needed = a.object().and(b.object()).required();
        yield needed.stream()
            .anyMatch(n -> placesApart(a.object().property(n), b.object().property(n), depth));
      }
    };
  }

  /// Whether no value is valid under both lists of places.
  private boolean placesApart(List<String> a, List<String> b, int depth) {
    return a.isEmpty() || b.isEmpty()
        ? shapes(a).isEmpty() || shapes(b).isEmpty()
        : apart(shapes(a), shapes(b), depth + 1);
  }

  private static boolean nothing(NumberRule rule) {
    return Decimals.fits(rule) && Decimals.of(rule).isEmpty();
  }
}
