package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.List;

/// The constraints of a schema on arrays. An item's schema is a list of places in the document: an
/// item must be valid under all of them; an empty list allows anything.
///
/// @param first schemas of the first items, as far as there are as many
/// @param rest schema of all further items
/// @param least fewest items
/// @param most most items; below 0: no bound
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
