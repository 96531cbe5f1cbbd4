package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.List;

/// What a schema says of arrays. An item's schema is a list of places in the schema: it is valid
/// under all of them, and anything is under none.
///
/// @param first the first items' schemas, as far as there are as many items
/// @param rest the others'
/// @param least items at least
/// @param most items at most; below 0 for no bound
record ListRule(List<List<String>> first, List<String> rest, int least, int most) {
  static final ListRule ANY = new ListRule(List.of(), List.of(), 0, -1);

  List<String> item(int i) {
    return i < first.size() ? first.get(i) : rest;
  }

  /// The arrays of both.
  ListRule and(ListRule other) {
    List<List<String>> items = new ArrayList<>();
    for (int i = 0; i < Math.max(first.size(), other.first.size()); i++) {
      items.add(Shape.both(item(i), other.item(i)));
    }
    int shorter = most < 0 ? other.most : other.most < 0 ? most : Math.min(most, other.most);
    return new ListRule(items, Shape.both(rest, other.rest), Math.max(least, other.least), shorter);
  }
}
