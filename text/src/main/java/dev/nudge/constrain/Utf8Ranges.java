package dev.nudge.constrain;

import java.util.ArrayList;
import java.util.List;

/// The UTF-8 encodings of a set of characters, as a tree: edges are ranges of bytes, to a node or
/// to [#DONE].
///
/// Many edges of [Rules] share one tree, so a long string of any letters needs a state per
/// character, not one per byte.
final class Utf8Ranges {
  static final int DONE = -1;
  static final int ROOT = 0;

  private final List<List<int[]>> nodes = new ArrayList<>(); // low, high, next

  /// @param spellings per character range: low and high of each byte, in sequence
  Utf8Ranges(List<int[]> spellings) {
    nodes.add(new ArrayList<>());
    for (int[] spelling : spellings) {
      int at = ROOT;
      for (int i = 0; i < spelling.length; i += 2) {
        at = next(at, spelling[i], spelling[i + 1], i + 2 == spelling.length);
      }
    }
  }

  private int next(int node, int low, int high, boolean last) {
    for (int[] edge : nodes.get(node)) {
      if (edge[0] == low && edge[1] == high && edge[2] != DONE && !last) {
        return edge[2];
      }
    }
    Work.add(1);
    int made = last ? DONE : nodes.size();
    nodes.get(node).add(new int[] {low, high, made});
    if (!last) {
      nodes.add(new ArrayList<>(2));
    }
    return made;
  }

  boolean isEmpty() {
    return nodes.get(ROOT).isEmpty();
  }

  int size() {
    return nodes.size();
  }

  List<int[]> edges(int node) {
    return nodes.get(node);
  }
}
