package dev.nudge.constrain;

import dev.nudge.constrain.Shape.Kind;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/// Tests whether two schemas are disjoint, where that is easy to see: different types, constants,
/// ranges of numbers, string patterns or list lengths, or a disjoint part that both require. If the
/// answer is no, a value valid under both may exist or not.
final class Apart {
  private static final int MOST_DEPTH = 8;

  private final SchemaReader reader;

  Apart(SchemaReader reader) {
    this.reader = reader;
  }

  boolean are(List<Shape> a, List<Shape> b) {
    return are(a, b, 0);
  }

  private boolean are(List<Shape> a, List<Shape> b, int depth) {
    return depth <= MOST_DEPTH
        && a.stream().allMatch(left -> b.stream().allMatch(right -> are(left, right, depth)));
  }

  private boolean are(Shape a, Shape b, int depth) {
    List<JsonNode> values = a.values() == null ? b.values() : a.values();
    if (values != null) {
      return values.stream().noneMatch(v -> reader.has(a, v) && reader.has(b, v));
    }
    Set<Kind> shared = EnumSet.noneOf(Kind.class);
    shared.addAll(a.kinds());
    shared.retainAll(b.kinds());
    return shared.stream().allMatch(kind -> are(kind, a, b, depth));
  }

  private boolean are(Kind kind, Shape a, Shape b, int depth) {
    return switch (kind) {
      case NULL, BOOLEAN -> false;
      case NUMBER -> none(a.number().and(b.number()));
      case STRING -> a.text().and(b.text()).automaton().isEmpty();
      case ARRAY -> {
        ListRule both = a.list().and(b.list());
        boolean apart = both.most() >= 0 && both.least() > both.most();
        for (int i = 0; !apart && i < Math.min(both.least(), both.first().size() + 1); i++) {
          apart = placesAre(a.list().item(i), b.list().item(i), depth);
        }
        yield apart;
      }
      case OBJECT -> {
        Set<String> needed = a.object().and(b.object()).required();
        yield needed.stream()
            .anyMatch(n -> placesAre(a.object().property(n), b.object().property(n), depth));
      }
    };
  }

  /// Whether no value is valid under both lists of places.
  private boolean placesAre(List<String> a, List<String> b, int depth) {
    return a.isEmpty() || b.isEmpty()
        ? reader.shapes(a).isEmpty() || reader.shapes(b).isEmpty()
        : are(reader.shapes(a), reader.shapes(b), depth + 1);
  }

  private static boolean none(NumberRule rule) {
    return Decimals.fits(rule) && Decimals.of(rule).isEmpty();
  }
}
