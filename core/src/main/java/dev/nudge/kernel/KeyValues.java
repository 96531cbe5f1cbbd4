package dev.nudge.kernel;

import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/// Views one sequence's KV cache of one layer as a list of blocks.
///
/// Blocks have equally many rows, one a position, and all but the last are full. Rows after the
/// last position are never read.
///
/// @param keys tensors of (block, keyWidth)
/// @param values like keys
/// @param rows number of positions
public record KeyValues(List<Tensor> keys, List<Tensor> values, int rows) {
  public KeyValues {
    int room = keys.size() * keys.getFirst().rows();
    if (values.size() != keys.size() || rows > room || rows < room - keys.getFirst().rows()) {
      throw new IllegalArgumentException(
          rows + " positions in " + keys.size() + " blocks of " + keys.getFirst());
    }
  }

  /// Wraps contiguous keys and values, (n, keyWidth) each.
  public static KeyValues of(Tensor k, Tensor v) {
    return new KeyValues(List.of(k), List.of(v), k.rows());
  }

  /// The first `rows` positions.
  public KeyValues upTo(int rows) {
    if (rows == this.rows) {
      return this;
    }
    int blocks = Math.max(1, Math.ceilDiv(rows, keys.getFirst().rows()));
    return new KeyValues(keys.subList(0, blocks), values.subList(0, blocks), rows);
  }

  /// The positions `from` to `to` within one block.
  ///
  /// @param keys (to − from, keyWidth)
  /// @param values like keys
  public record Piece(int from, int to, Tensor keys, Tensor values) {}

  /// Splits the positions `from` to `to` into a piece for each block that holds any of them.
  public List<Piece> pieces(int from, int to) {
    int size = keys.getFirst().rows();
    List<Piece> pieces = new ArrayList<>();
    for (int at = from; at < to; ) {
      int block = at / size;
      int start = block * size;
      int end = Math.min(to, start + size);
      pieces.add(
          new Piece(
              at,
              end,
              keys.get(block).rows(at - start, end - start),
              values.get(block).rows(at - start, end - start)));
      at = end;
    }
    return pieces;
  }
}
