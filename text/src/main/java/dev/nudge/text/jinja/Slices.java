package dev.nudge.text.jinja;

import java.util.ArrayList;
import java.util.List;

/// Python's slices `[from:to:step]` of texts and lists.
final class Slices {
  private Slices() {}

  static Value of(Value value, Value from, Value to, Value step, Budget budget) {
    if (value instanceof Undefined undefined) {
      throw Mistake.missing(undefined);
    }
    boolean sliced = value instanceof Text || value instanceof Items items && items.hasIndex();
    if (!sliced) {
      return Undefined.attribute(value, "[:]");
    }
    int length = Operators.length(value);
    int by = step == None.NONE ? 1 : index(step);
    if (by == 0) {
      throw new Mistake("the step of a slice is 0");
    }
    int first = from == None.NONE ? by > 0 ? 0 : length - 1 : clamp(index(from), length, by < 0);
    int last = to == None.NONE ? by > 0 ? length : -1 : clamp(index(to), length, by < 0);
    if (value instanceof Text text) {
      return by == 1
          ? text.sub(text.at(first), text.at(Math.max(first, last)))
          : skip(text, first, last, by, budget);
    }
    Items items = (Items) value;
    List<Value> all = items.values();
    List<Value> part = new ArrayList<>();
    for (long i = first; by > 0 ? i < last : i > last; i += by) {
      part.add(all.get((int) i));
    }
    budget.elements(part.size());
    return items.like(part);
  }

  private static Value skip(Text text, int first, int last, int by, Budget budget) {
    List<Value> all = Operators.iterate(text);
    budget.characters(all.size());
    TextBuilder part = new TextBuilder();
    for (long i = first; by > 0 ? i < last : i > last; i += by) {
      part.add((Text) all.get((int) i));
    }
    return part.text();
  }

  private static int index(Value value) {
    return Arguments.whole(value, "a slice's bound");
  }

  private static int clamp(int index, int length, boolean backwards) {
    int least = backwards ? -1 : 0;
    int most = backwards ? length - 1 : length;
    int at = index < 0 ? index + length : index;
    return Math.clamp(at, least, most);
  }
}
