package dev.nudge.quant;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.nudge.kernel.Kernels;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A weight of codes in groups as its file stores it, checked.
///
/// A model copies it once into a [Grouped]; direct use converts some rows at a time.
///
/// Threading: immutable; the mapped file owns the tensors.
final class StoredGroups implements StoredWeight {
  private final LayerParts layer;
  private final Grouped.Form form;
  private final Codes codes;
  private final Tensor scales;
  private final boolean byGroup;
  private final byte[] zeros;
  private final int @Nullable [] order;

  /// The codes of a weight in a file.
  interface Codes {
    /// Reads the unsigned codes of a row, in the order of the columns.
    void row(int row, byte[] to);

    /// Word `i` of a row of packed codes, lowest bits first; only if [#inWords] is true.
    default int word(int row, int i) {
      throw new UnsupportedOperationException();
    }

    /// Whether a row consists of whole words of codes.
    default boolean inWords() {
      return false;
    }
  }

  /// @param scales (groups, rows) if `byGroup`, else (rows, groups)
  /// @param zeros (rows, groups)
  /// @param order the column of each number sorted by group; null: in order
  StoredGroups(
      LayerParts layer,
      Grouped.Form form,
      Codes codes,
      Tensor scales,
      boolean byGroup,
      byte[] zeros,
      int @Nullable [] order) {
    this.layer = layer;
    this.form = form;
    this.codes = codes;
    this.scales = scales;
    this.byGroup = byGroup;
    this.zeros = zeros;
    this.order = order;
  }

  /// The form of the weight in memory.
  Grouped.Form form() {
    return form;
  }

  Dtype scaleType() {
    return scales.dtype();
  }

  @Override
  public int rows() {
    return layer.rows();
  }

  @Override
  public int cols() {
    return layer.cols();
  }

  @Override
  public List<Tensor> parts() {
    return Grouped.dry(rows(), cols(), form).parts();
  }

  @Override
  public void make(int from, int to, Tensor out, Workspace ws, Kernels kernels) {
    int mark = ws.mark();
    Grouped rows = Grouped.of(to - from, cols(), form, s -> ws.take(s.dtype(), s.rows(), s.cols()));
    if (!ws.dry()) {
      fill(from, rows);
    }
    rows.make(0, to - from, out, ws, kernels);
    ws.release(mark);
  }

  /// Writes rows from row `from` on.
  void fill(int from, Grouped to) {
    int groups = form.groups(cols());
    var few = to.few();
    byte[] row = new byte[cols() + 1];
    byte[] sorted = order == null ? row : new byte[cols() + 1];
    boolean words = order == null && form.bits() == form.held() && codes.inWords();
    for (int r = 0; r < to.rows(); r++) {
      if (words) {
        words(from + r, few.codes(), r);
      } else {
        codes.row(from + r, row);
        for (int i = 0; order != null && i < order.length; i++) {
          sorted[i] = row[order[i]];
        }
        pack(sorted, few.codes(), r);
      }
      for (int g = 0; g < groups; g++) {
        int source = byGroup ? g * rows() + from + r : (from + r) * groups + g;
        few.scales().put((long) r * groups + g, scales.at(source));
      }
      MemorySegment.copy(
          zeros, (from + r) * groups, few.zeros().data(), JAVA_BYTE, (long) r * groups, groups);
    }
    if (order != null) {
      Tensor columns = Objects.requireNonNull(few.order());
      MemorySegment.copy(order, 0, columns.data(), JAVA_INT_UNALIGNED, 0, order.length);
    }
  }

  private void words(int row, Tensor to, int r) {
    long at = r * to.rowStride();
    for (int i = 0; i < to.cols() / 4; i++) {
      to.data().set(JAVA_INT_UNALIGNED, at + 4L * i, codes.word(row, i));
    }
  }

  /// Packs codes; pads the last byte of an odd count with a zero.
  private void pack(byte[] from, Tensor to, int r) {
    long at = r * to.rowStride();
    if (form.held() == 8) {
      MemorySegment.copy(from, 0, to.data(), JAVA_BYTE, at, to.cols());
      return;
    }
    from[cols()] = 0;
    for (int i = 0; i < to.cols(); i++) {
      to.data().set(JAVA_BYTE, at + i, (byte) (from[2 * i] | from[2 * i + 1] << 4));
    }
  }
}
