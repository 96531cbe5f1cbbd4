package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The gated delta rule by chunks of C rows: products of small matrices in the place of a step for
/// each row.
///
/// With S at the chunk's start, Dᵢⱼ = γⱼ₊₁·…·γᵢ and eᵢ = γ₀·…·γᵢ:
///
///     A = strict lower triangle of β·(K·Kᵀ ⊙ D),  P = lower triangle of Q·Kᵀ ⊙ D
///     (I + A)·U = β·(V − e·K·S),  O = e·Q·S + P·U
///     S ← e_C·S + Σⱼ D_Cj·kⱼ·uⱼᵀ
///
/// U is solved row by row. The backward pass computes the state of each chunk's start first, then
/// goes through the chunks from the last to the first.
///
/// @param rows makes matrices in the precision of a pass
public record DeltaChunks(RowMatrix.Maker rows) implements DeltaRule {
  private static final double TINY = 1e-6; // in the lengths of queries and keys
  private static final double LINEAR = 20; // from here on softplus(x) = x

  @Override
  public void forward(
      Shape shape, Inputs in, int past, @Nullable State state, Tensor out, int from, int to) {
    Head head = new Head(shape, in, rows);
    for (int keyHead = from; keyHead < to; keyHead++) {
      head.open(keyHead, past, state);
      for (int row = 0, n; row < out.rows(); row += n) {
        n = head.read(row);
        for (int h = 0; h < shape.group(); h++) {
          head.update(h, true);
          head.store(h, out);
          head.close(h);
        }
        head.advance();
      }
      if (state != null) {
        head.save(state);
      }
    }
  }

  @Override
  public void backward(
      Shape shape, Inputs in, Tensor dOut, Gradients to, int keyHead, Workspace ws) {
    if (ws.dry()) {
      ws.room(DeltaRule.backwardBytes(shape, dOut.rows(), dOut.dtype()));
      return;
    }
    new DeltaBackward(shape, in, dOut, to, rows).run(keyHead, ws);
  }

  /// One key head and its value heads, at a chunk.
  static final class Head {
    final Shape shape;
    final Inputs in;
    final Dtype type;
    final RowMatrix k; // (C, key width), of length 1
    final RowMatrix kT;
    final RowMatrix q; // (C, key width), scaled
    final RowMatrix kk; // K·Kᵀ
    final RowMatrix qk; // Q·Kᵀ
    final double[] kLength = new double[CHUNK]; // 1 / length of the given row
    final double[] qLength = new double[CHUNK];
    final Value[] values;
    private final RowMatrix weights; // of the rows of S
    private final RowMatrix kF;
    int keyHead;
    int row; // of the tensors, at the chunk's first row here
    int first; // row of the chunk that is read first
    int end; // of the chunk's rows
    private int opened; // row of the chunk with which the pass began
    private boolean closed; // whether S is not the state's

    /// A value head.
    static final class Value {
      final RowMatrix s;
      final RowMatrix u;
      final RowMatrix v;
      final RowMatrix a; // -A
      final RowMatrix p;
      final RowMatrix o;
      final double[][] d = new double[CHUNK][CHUNK];
      final double[] e = new double[CHUNK];
      final double[] beta = new double[CHUNK];

      Value(Shape shape, RowMatrix.Maker rows) {
        s = rows.of(shape.keyDim(), shape.valueDim());
        u = rows.of(CHUNK, shape.valueDim());
        v = rows.of(CHUNK, shape.valueDim());
        a = rows.of(CHUNK, CHUNK);
        p = rows.of(CHUNK, CHUNK);
        o = rows.of(CHUNK, shape.valueDim());
      }
    }

    Head(Shape shape, Inputs in, RowMatrix.Maker rows) {
      this.shape = shape;
      this.in = in;
      this.type = DeltaRule.stateType(in.mixed().dtype());
      k = rows.of(CHUNK, shape.keyDim());
      q = rows.of(CHUNK, shape.keyDim());
      kT = rows.of(shape.keyDim(), CHUNK);
      kk = rows.of(CHUNK, CHUNK);
      qk = rows.of(CHUNK, CHUNK);
      weights = rows.of(CHUNK, shape.keyDim());
      kF = rows.of(shape.keyDim(), CHUNK);
      values = new Value[shape.group()];
      Arrays.setAll(values, i -> new Value(shape, rows));
    }

    int head(int h) {
      return keyHead * shape.group() + h;
    }

    /// Starts a sequence, or continues one.
    ///
    /// @param past its tokens so far
    void open(int keyHead, int past, @Nullable State state) {
      this.keyHead = keyHead;
      first = past % CHUNK;
      opened = first;
      closed = past == 0;
      for (int h = 0; h < values.length; h++) {
        if (state == null || past == 0) {
          values[h].s.clear();
        } else {
          load(values[h], head(h), state);
        }
      }
      if (state != null && first > 0) {
        kT.loadRows(0, shape.keyDim(), state.keys(), keyHead * shape.keyDim());
      }
    }

    private void load(Value value, int at, State state) {
      value.s.loadRows(0, shape.keyDim(), state.start(), at * shape.keyDim());
      value.u.loadRows(0, first, state.updates(), at * CHUNK);
      for (int i = 0; i < first; i++) {
        value.d[first - 1][i] = state.decays().get(at, 1 + i);
      }
      if (first > 0) {
        value.e[first - 1] = state.decays().get(at, 0);
      }
    }

    /// Reads the next rows of the chunk, from a row of the tensors on.
    ///
    /// @return how many
    int read(int row) {
      this.row = row;
      int n = Math.min(CHUNK - first, in.mixed().rows() - row);
      end = first + n;
      double scale = 1 / Math.sqrt(shape.keyDim());
      for (int i = first; i < end; i++) {
        q.load(i, in.mixed(), row + i - first, keyHead * shape.keyDim());
        k.load(i, in.mixed(), row + i - first, shape.keyAt(keyHead));
        qLength[i] = 1 / Math.sqrt(q.dot(i, q, i) + TINY);
        kLength[i] = 1 / Math.sqrt(k.dot(i, k, i) + TINY);
        q.scaled(i, q, i, qLength[i] * scale);
        k.scaled(i, k, i, kLength[i]);
        k.round(i, type);
        kT.column(i, k, i, shape.keyDim());
      }
      kk.sums(first, end, k, 0, shape.keyDim(), kT, false);
      qk.sums(first, end, q, 0, shape.keyDim(), kT, false);
      return n;
    }

    /// Computes U, and O if wanted, of the rows that were read.
    void update(int h, boolean outputs) {
      Value value = values[h];
      int head = head(h);
      double decay = Math.exp(in.decay().get(0, head));
      double bias = in.bias().get(0, head);
      for (int i = first; i < end; i++) {
        int at = row + i - first;
        double gamma = Math.exp(-decay * softplus(in.a().get(at, head) + bias));
        value.beta[i] = sigmoid(in.b().get(at, head));
        value.e[i] = i == 0 ? gamma : gamma * value.e[i - 1];
        for (int j = 0; j < i; j++) {
          value.d[i][j] = gamma * value.d[i - 1][j];
        }
        value.d[i][i] = 1;
        double beta = value.beta[i];
        value.v.load(i, in.mixed(), at, shape.valueAt(head));
        value.a.scaled(i, kk, i, -beta, value.d[i], i);
        value.u.scaled(i, value.v, i, beta);
        value.p.scaled(i, qk, i, 1, value.d[i], i + 1);
        weights.scaled(i, k, i, -beta * value.e[i]);
      }
      value.u.sums(first, end, weights, 0, shape.keyDim(), value.s, true);
      for (int i = first; i < end; i++) {
        value.u.sum(i, value.a, i, 0, i, value.u, true);
        value.u.round(i, type);
      }
      if (outputs) {
        for (int i = first; i < end; i++) {
          weights.scaled(i, q, i, value.e[i]);
        }
        value.o.sums(first, end, weights, 0, shape.keyDim(), value.s, false);
        value.o.lower(first, end, value.p, 1, value.u);
      }
    }

    private void store(int h, Tensor out) {
      for (int i = first; i < end; i++) {
        values[h].o.store(i, out, row + i - first, head(h) * shape.valueDim());
      }
    }

    /// Computes S behind a full chunk.
    void close(int h) {
      if (end < CHUNK) {
        return;
      }
      closed = true;
      Value value = values[h];
      double[] f = value.d[CHUNK - 1];
      for (int i = 0; i < shape.keyDim(); i++) {
        kF.scaled(i, kT, i, 1, f, CHUNK);
        value.s.scaled(i, value.s, i, value.e[CHUNK - 1]);
      }
      value.s.sums(0, shape.keyDim(), kF, 0, CHUNK, value.u, true);
      for (int i = 0; i < shape.keyDim(); i++) {
        value.s.round(i, type);
      }
    }

    void advance() {
      first = end % CHUNK;
    }

    private void save(State state) {
      int from = closed ? 0 : opened;
      for (int i = from; i < first; i++) {
        for (int d = 0; d < shape.keyDim(); d++) {
          state.keys().set(keyHead * shape.keyDim() + d, i, k.get(i, d));
        }
      }
      for (int h = 0; h < values.length; h++) {
        Value value = values[h];
        int at = head(h);
        if (closed) {
          value.s.storeRows(0, shape.keyDim(), state.start(), at * shape.keyDim());
        }
        value.u.storeRows(from, first, state.updates(), at * CHUNK);
        for (int j = 0; j < first; j++) {
          state.decays().set(at, 1 + j, value.d[first - 1][j]);
        }
        if (first > 0) {
          state.decays().set(at, 0, value.e[first - 1]);
        }
      }
    }

    static double sigmoid(double x) {
      return 1 / (1 + Math.exp(-x));
    }

    static double softplus(double x) {
      return x > LINEAR ? x : Math.log1p(Math.exp(x));
    }
  }
}
