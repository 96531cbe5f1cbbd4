package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import org.jspecify.annotations.Nullable;

/// The gated delta rule (Yang, Kautz and Hatamizadeh, ICLR 2025): linear attention with a state S
/// (key width × value width) for each value head. With k and q of length 1, q divided by the
/// square root of the key width:
///
///     S ← γ·S;  u = β·(v − Sᵀk);  S ← S + k·uᵀ;  o = Sᵀq
///     γ = exp(−exp(A)·softplus(a + bias)),  β = σ(b)
///
/// Value head h reads the keys and queries of head h / (value heads / key heads).
///
/// Every row is computed from its chunk's first state and the chunk's rows up to it, and chunks
/// are counted from the sequence's first token. So a row has the same bits whether the sequence is
/// read at once, in parts, or token by token.
public interface DeltaRule {
  /// Rows of a chunk.
  int CHUNK = 64;

  /// Heads and their widths.
  record Shape(int keyHeads, int valueHeads, int keyDim, int valueDim) {
    /// Columns of queries, keys and values together.
    public int columns() {
      return 2 * keyHeads * keyDim + valueHeads * valueDim;
    }

    /// Columns of the output.
    public int outputs() {
      return valueHeads * valueDim;
    }

    /// Value heads of a key head.
    int group() {
      return valueHeads / keyHeads;
    }

    int keyAt(int keyHead) {
      return (keyHeads + keyHead) * keyDim;
    }

    int valueAt(int head) {
      return 2 * keyHeads * keyDim + head * valueDim;
    }
  }

  /// The rows of one sequence.
  ///
  /// @param mixed all queries, then all keys, then all values, (rows, columns)
  /// @param a (rows, value heads)
  /// @param b (rows, value heads)
  /// @param decay A, (1, value heads)
  /// @param bias (1, value heads)
  record Inputs(Tensor mixed, Tensor a, Tensor b, Tensor decay, Tensor bias) {}

  /// What a sequence's next rows need of those before them.
  ///
  /// @param start S at the start of the open chunk, (value heads · key width, value width)
  /// @param keys of the open chunk, transposed, (key heads · key width, [#CHUNK])
  /// @param updates u of the open chunk, (value heads · [#CHUNK], value width)
  /// @param decays of each value head, in F64: γ₀·…·γᵢ of the open chunk's last row i, then
  ///     γⱼ₊₁·…·γᵢ for each row j, (value heads, 1 + [#CHUNK])
  record State(Tensor start, Tensor keys, Tensor updates, Tensor decays) {}

  /// The gradients that [#backward] writes; those of `decay` and `bias` are added to.
  ///
  /// @param decay (1, value heads); null: not wanted
  /// @param bias (1, value heads); null: not wanted
  record Gradients(
      Tensor mixed, Tensor a, Tensor b, @Nullable Tensor decay, @Nullable Tensor bias) {}

  /// The type of states of a compute type.
  static Dtype stateType(Dtype compute) {
    return compute == Dtype.F64 ? Dtype.F64 : Dtype.F32;
  }

  /// Bytes that [#backward] needs for a key head.
  static long backwardBytes(Shape s, int rows, Dtype compute) {
    long chunks = Math.ceilDiv(rows, CHUNK);
    return chunks * s.group() * s.keyDim() * s.valueDim() * stateType(compute).bytes();
  }

  /// Computes the outputs of some key heads.
  ///
  /// @param past tokens of the sequence before these rows; above 0 only with a state
  /// @param state read and advanced; null: the sequence ends with these rows
  /// @param out (rows, value heads · value width)
  /// @param from first key head
  /// @param to end of the key heads, exclusive
  void forward(
      Shape shape, Inputs in, int past, @Nullable State state, Tensor out, int from, int to);

  /// Computes the gradients of a whole sequence through one key head.
  ///
  /// @param dOut like `out`
  /// @param ws has [#backwardBytes]
  void backward(Shape shape, Inputs in, Tensor dOut, Gradients to, int keyHead, Workspace ws);
}
