package dev.nudge.constrain;

import dev.nudge.constrain.Shape.Kind;
import dev.nudge.constrain.Shape.ListRule;
import dev.nudge.constrain.Shape.ObjectRule;
import dev.nudge.constrain.Shape.TextRule;
import dev.nudge.settings.InputException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Compiles a JSON schema into [Rules], one for each distinct schema within it.
///
/// The text of a value has one layout: after each `:` and `,` one space or none, no other white
/// space; an object's properties in the order of the schema, then required ones without a schema,
/// then others. Values of `enum` and `const` have this layout too, their numbers without exponent
/// and trailing zeros.
///
/// ```
///   object   { (P1 (, P2 (, others)*)?)? }     an optional part may be left out
///   list     [ (item (, item)*)? ]
/// ```
///
/// Each item and each property's value is a call of its rule, so a rule grows only with its own
/// names and counts.
final class SchemaCompiler {
  private static final int BLOCK = 64;

  private final Rules rules;
  private final Spelling spelling;
  private final SchemaReader reader;
  private final Map<List<String>, Integer> byPlaces = new HashMap<>();
  private final Map<List<Shape>, Integer> byShapes = new HashMap<>();
  private final Map<List<Object>, Integer> blocks = new HashMap<>();
  private final Deque<List<String>> todo = new ArrayDeque<>();

  private SchemaCompiler(Rules rules, Ranges writable, SchemaReader reader) {
    this.rules = rules;
    this.spelling = new Spelling(rules, writable);
    this.reader = reader;
  }

  /// Writes the rules of a schema; the first one is the rule of the whole text.
  static Rules compile(JsonNode schema, Ranges writable) {
    Rules rules = new Rules();
    SchemaCompiler compiler = new SchemaCompiler(rules, writable, new SchemaReader(schema));
    int whole = rules.rule();
    List<String> places = List.of("#");
    try {
      rules.call(rules.start(whole), compiler.rule(places), rules.end(whole));
      while (!compiler.todo.isEmpty()) {
        places = compiler.todo.remove();
        compiler.write(places);
      }
    } catch (Work.TooLarge e) {
      throw new InputException(
          "the schema at %s: it needs more than %s; use smaller lengths and counts"
              .formatted(places.isEmpty() ? "#" : places.getLast(), e.getMessage()),
          e);
    }
    return rules;
  }

  private int rule(List<String> places) {
    Integer known = byPlaces.get(places);
    if (known == null) {
      List<Shape> shapes = reader.shapes(places);
      known = byShapes.get(shapes);
      if (known == null) {
        known = rules.rule();
        byShapes.put(shapes, known);
        todo.add(places);
      }
      byPlaces.put(places, known);
    }
    return known;
  }

  private void write(List<String> places) {
    int rule = rule(places);
    int start = rules.start(rule);
    int end = rules.end(rule);
    for (Shape shape : reader.shapes(places)) {
      List<JsonNode> values = shape.values();
      if (values == null) {
        for (Kind kind : shape.kinds()) {
          write(kind, shape, start, end, places);
        }
        continue;
      }
      for (JsonNode value : values) {
        if (reader.has(shape, value)) {
          rules.skip(value(start, value), end);
        }
      }
    }
  }

  private void write(Kind kind, Shape shape, int start, int end, List<String> places) {
    switch (kind) {
      case NULL -> rules.skip(spelling.text(start, "null"), end);
      case BOOLEAN -> {
        rules.skip(spelling.text(start, "true"), end);
        rules.skip(spelling.text(start, "false"), end);
      }
      case NUMBER -> {
        if (!Decimals.fits(shape.number())) {
          throw SchemaReader.mistake(
              places.getLast(),
              "multipleOf comes to %s; its digits without the point may be at most %,d"
                  .formatted(shape.number().multiple(), Decimals.MOST_REMAINDERS));
        }
        spelling.all(start, Decimals.of(shape.number()), end, false);
      }
      case STRING -> string(shape.text(), spelling.text(start, "\""), end);
      case ARRAY -> list(shape.list(), start, end);
      case OBJECT -> object(shape.object(), start, end);
    }
  }

  /// Writes a string after its opening quote.
  ///
  /// A long string is split into blocks that call the same two rules: one reads a whole block, one
  /// reads a shorter rest and the quote. So a string of thousands of characters needs only the
  /// places of one block.
  private void string(TextRule rule, int start, int end) {
    int least = rule.least();
    int most = rule.most();
    int at = start;
    while (rule.patterns().isEmpty() && (least > BLOCK || most > BLOCK)) {
      if (least < BLOCK) {
        rules.call(at, characters(least, BLOCK - 1, true), end);
      }
      int next = rules.state();
      rules.call(at, characters(BLOCK, BLOCK, false), next);
      at = next;
      least = Math.max(0, least - BLOCK);
      most = most < 0 ? most : most - BLOCK;
    }
    int close = rules.state();
    spelling.all(at, new TextRule(least, most, rule.patterns()).automaton(), close, true);
    rules.skip(spelling.text(close, "\""), end);
  }

  private int characters(int least, int most, boolean closed) {
    Integer known = blocks.get(List.of(least, most, closed));
    if (known == null) {
      known = rules.rule();
      blocks.put(List.of(least, most, closed), known);
      int close = rules.state();
      spelling.all(rules.start(known), CharNfa.length(least, most), close, true);
      rules.skip(closed ? spelling.text(close, "\"") : close, rules.end(known));
    }
    return known;
  }

  private void list(ListRule rule, int start, int end) {
    int at = spelling.text(start, "[");
    if (rule.least() == 0) {
      rules.skip(spelling.text(at, "]"), end);
    }
    int own = Math.max(rule.first().size(), rule.least());
    for (int i = 0; rule.most() < 0 || i < rule.most(); i++) {
      int after = rules.state();
      rules.call(at, rule(rule.item(i)), after);
      if (i + 1 >= rule.least()) {
        rules.skip(spelling.text(after, "]"), end);
      }
      at = separated(after, ",");
      if (rule.most() < 0 && i + 1 >= own) {
        rules.call(at, rule(rule.rest()), after);
        break;
      }
    }
  }

  private void object(ObjectRule rule, int start, int end) {
    int none = spelling.text(start, "{"); // no property is written yet
    int some = rules.state();
    Set<String> names = rule.names();
    for (String name : names) {
      int property = rules.state();
      rules.skip(none, property);
      rules.skip(separated(some, ","), property);
      int nextNone = rules.state();
      int nextSome = rules.state();
      int value = separated(spelling.quoted(property, name), ":");
      rules.call(value, rule(rule.property(name)), nextSome);
      if (!rule.required().contains(name)) {
        rules.skip(none, nextNone);
        rules.skip(some, nextSome);
      }
      none = nextNone;
      some = nextSome;
    }
    int other = rules.state();
    rules.skip(none, other);
    rules.skip(separated(some, ","), other);
    int close = rules.state();
    spelling.all(spelling.text(other, "\""), CharNfa.allBut(names), close, true);
    rules.call(separated(spelling.text(close, "\""), ":"), rule(rule.others()), some);
    int brace = rules.state();
    rules.skip(none, brace);
    rules.skip(some, brace);
    rules.skip(spelling.text(brace, "}"), end);
  }

  /// Writes a `:` or `,` and the optional space after it.
  private int separated(int from, String sign) {
    int behind = spelling.text(from, sign);
    int next = rules.state();
    rules.skip(behind, next);
    rules.skip(spelling.text(behind, " "), next);
    return next;
  }

  private int value(int from, JsonNode value) {
    return switch (Kind.of(value)) {
      case NULL, BOOLEAN -> spelling.text(from, value.toString());
      case NUMBER -> spelling.text(from, value.decimalValue().stripTrailingZeros().toPlainString());
      case STRING -> spelling.quoted(from, value.stringValue());
      case ARRAY -> {
        int at = spelling.text(from, "[");
        for (int i = 0; i < value.size(); i++) {
          at = value(i == 0 ? at : separated(at, ","), value.get(i));
        }
        yield spelling.text(at, "]");
      }
      case OBJECT -> {
        int at = spelling.text(from, "{");
        boolean first = true;
        for (Map.Entry<String, JsonNode> property : value.properties()) {
          int name = spelling.quoted(first ? at : separated(at, ","), property.getKey());
          at = value(separated(name, ":"), property.getValue());
          first = false;
        }
        yield spelling.text(at, "}");
      }
    };
  }
}
