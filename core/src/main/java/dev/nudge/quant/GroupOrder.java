package dev.nudge.quant;

import dev.nudge.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/// Sorts columns by group where act-order scatters them.
final class GroupOrder {
  private GroupOrder() {}

  /// The columns in the order of their groups, stable.
  ///
  /// @param part the tensor with the group of each column, I32 (cols)
  /// @param group columns of a group
  /// @return null: the columns are sorted
  static int @Nullable [] of(LayerParts layer, String part, int group) {
    int cols = layer.cols();
    int groups = Math.ceilDiv(cols, group);
    Tensor stored = layer.words(part, "", cols);
    int[] next = new int[groups];
    for (int k = 0; k < groups; k++) {
      next[k] = k * group;
    }
    int[] order = new int[cols];
    boolean sorted = true;
    for (int i = 0; i < cols; i++) {
      int k = (int) stored.at(i);
      if (k < 0 || k >= groups) {
        throw layer.refuse(part, "has " + k + " at " + i + "; groups are 0 to " + (groups - 1));
      }
      if (next[k] == Math.min(cols, (k + 1) * group)) {
        throw layer.refuse(
            part,
            "gives group "
                + k
                + " more than its "
                + (next[k] - k * group)
                + " columns; with group_size "
                + group
                + " each has as many, the last the rest");
      }
      sorted &= next[k] == i;
      order[next[k]++] = i;
    }
    return sorted ? null : order;
  }

  /// Whether all numbers of a tensor are `value`, as in files without an order.
  static boolean all(Tensor stored, int value) {
    for (long i = 0; i < stored.elements(); i++) {
      if (stored.at(i) != value) {
        return false;
      }
    }
    return true;
  }
}
