package dev.nudge.kernel;

import dev.nudge.kernel.DeltaChunks.Head;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// The backward pass of [DeltaChunks] through one key head.
///
/// In the names of [DeltaChunks], with dO and the gradient dS of the state behind the chunk, and
/// f the last row of D:
///
///     dU = Pᵀ·dO + f·K·dS;  (I + A)ᵀ·dR = dU;  dP = dO·Uᵀ;  dA = −dR·Uᵀ
///     X = dP ⊙ D (lower);  M = dA ⊙ D (strictly lower);  N = β·M
///     dV = β·dR;  dβ = rows(dR ⊙ (V − e·K·S)) + rows(M ⊙ K·Kᵀ)
///     dQ = e·dO·Sᵀ + X·K;  dK = Xᵀ·Q + (N + Nᵀ)·K − β·e·dR·Sᵀ + f·U·dSᵀ
///     W = dP ⊙ P + dA ⊙ A;  w = f·rows(K·dS ⊙ U)
///     d ln e = rows(W) − columns(W) + e·(rows(Q·S ⊙ dO) − β·rows(dR ⊙ K·S)) − w,
///         in the last row also Σ w + e_C·⟨S, dS⟩
///     dS ← e_C·dS + (e·Q)ᵀ·dO − (β·e·K)ᵀ·dR
final class DeltaBackward {
  private static final int CHUNK = DeltaRule.CHUNK;

  private final DeltaRule.Shape shape;
  private final DeltaRule.Inputs in;
  private final Tensor dOut;
  private final DeltaRule.Gradients to;
  private final Head head;
  private final RowMatrix[] dS;
  private final RowMatrix sT;
  private final RowMatrix dST;
  private final RowMatrix uT;
  private final RowMatrix dO;
  private final RowMatrix dR;
  private final RowMatrix dV;
  private final RowMatrix kS;
  private final RowMatrix qS;
  private final RowMatrix kdS;
  private final RowMatrix dP;
  private final RowMatrix g; // dR·Uᵀ
  private final RowMatrix n;
  private final RowMatrix x;
  private final RowMatrix xT;
  private final RowMatrix nT;
  private final RowMatrix pT;
  private final RowMatrix aT;
  private final RowMatrix eO; // weights of rows of Sᵀ
  private final RowMatrix bR;
  private final RowMatrix fU;
  private final RowMatrix byKey;
  private final RowMatrix eqT;
  private final RowMatrix bkT;
  private final RowMatrix own; // a factor for each row
  private final RowMatrix dQ;
  private final RowMatrix dK;
  private final double[] dLn = new double[CHUNK];
  private final double[] columns = new double[CHUNK];
  private final double[] products = new double[CHUNK];

  DeltaBackward(
      DeltaRule.Shape shape,
      DeltaRule.Inputs in,
      Tensor dOut,
      DeltaRule.Gradients to,
      RowMatrix.Maker rows) {
    this.shape = shape;
    this.in = in;
    this.dOut = dOut;
    this.to = to;
    int keyDim = shape.keyDim();
    int valueDim = shape.valueDim();
    head = new Head(shape, in, rows);
    dS = new RowMatrix[shape.group()];
    Arrays.setAll(dS, i -> rows.of(keyDim, valueDim));
    sT = rows.of(valueDim, keyDim);
    dST = rows.of(valueDim, keyDim);
    uT = rows.of(valueDim, CHUNK);
    dO = rows.of(CHUNK, valueDim);
    dR = rows.of(CHUNK, valueDim);
    dV = rows.of(1, valueDim);
    kS = rows.of(CHUNK, valueDim);
    qS = rows.of(CHUNK, valueDim);
    kdS = rows.of(CHUNK, valueDim);
    dP = rows.of(CHUNK, CHUNK);
    g = rows.of(CHUNK, CHUNK);
    n = rows.of(CHUNK, CHUNK);
    x = rows.of(CHUNK, CHUNK);
    xT = rows.of(CHUNK, CHUNK);
    nT = rows.of(CHUNK, CHUNK);
    pT = rows.of(CHUNK, CHUNK);
    aT = rows.of(CHUNK, CHUNK);
    eO = rows.of(CHUNK, valueDim);
    bR = rows.of(CHUNK, valueDim);
    fU = rows.of(CHUNK, valueDim);
    byKey = rows.of(1, keyDim);
    eqT = rows.of(keyDim, CHUNK);
    bkT = rows.of(keyDim, CHUNK);
    own = rows.of(1, CHUNK);
    dQ = rows.of(CHUNK, keyDim);
    dK = rows.of(CHUNK, keyDim);
  }

  void run(int keyHead, Workspace ws) {
    int rows = dOut.rows();
    int chunks = Math.ceilDiv(rows, CHUNK);
    int keyDim = shape.keyDim();
    Tensor room = ws.room(DeltaRule.backwardBytes(shape, rows, dOut.dtype()));
    Tensor starts =
        Tensor.of(room.data(), head.type, (long) chunks * shape.group() * keyDim, shape.valueDim());
    head.open(keyHead, 0, null);
    for (int chunk = 0; chunk < chunks; chunk++) {
      head.read(chunk * CHUNK);
      for (int h = 0; h < shape.group(); h++) {
        head.values[h].s.storeRows(0, keyDim, starts, (chunk * shape.group() + h) * keyDim);
        if (chunk + 1 < chunks) {
          head.update(h, false);
          head.close(h);
        }
      }
      head.advance();
    }
    for (RowMatrix each : dS) {
      each.clear();
    }
    head.first = 0;
    for (int chunk = chunks - 1; chunk >= 0; chunk--) {
      head.read(chunk * CHUNK);
      dQ.clear();
      dK.clear();
      for (int h = 0; h < shape.group(); h++) {
        head.values[h].s.loadRows(0, keyDim, starts, (chunk * shape.group() + h) * keyDim);
        head.update(h, false);
        value(h, chunk * CHUNK);
      }
      keys(chunk * CHUNK);
    }
  }

  /// The gradients of one value head in a chunk.
  private void value(int h, int at) {
    Head.Value v = head.values[h];
    RowMatrix ds = dS[h];
    int end = head.end;
    int keyDim = shape.keyDim();
    int valueDim = shape.valueDim();
    int number = head.head(h);
    double[] f = v.d[end - 1];
    for (int i = 0; i < keyDim; i++) {
      sT.column(i, v.s, i, valueDim);
      dST.column(i, ds, i, valueDim);
    }
    for (int i = 0; i < end; i++) {
      dO.load(i, dOut, at + i, number * valueDim);
      uT.column(i, v.u, i, valueDim);
      pT.column(i, v.p, i, CHUNK);
      aT.column(i, v.a, i, CHUNK);
    }
    kS.sums(0, end, head.k, 0, keyDim, v.s, false);
    qS.sums(0, end, head.q, 0, keyDim, v.s, false);
    kdS.sums(0, end, head.k, 0, keyDim, ds, false);
    for (int i = 0; i < end; i++) {
      dR.scaled(i, kdS, i, f[i]);
    }
    dR.upper(end, pT, 0, dO);
    for (int i = end - 1; i >= 0; i--) {
      dR.sum(i, aT, i, i + 1, end, dR, true);
    }
    dP.sums(0, end, dO, 0, valueDim, uT, false);
    g.sums(0, end, dR, 0, valueDim, uT, false);
    Arrays.fill(columns, 0);
    double last = 0;
    for (int i = 0; i < end; i++) {
      double beta = v.beta[i];
      double e = v.e[i];
      x.scaled(i, dP, i, 1, v.d[i], i + 1);
      n.scaled(i, g, i, -beta, v.d[i], i);
      xT.column(i, x, i, CHUNK);
      nT.column(i, n, i, CHUNK);
      Arrays.fill(products, 0, i + 1, 0);
      dP.products(i, v.p, i, products, i + 1);
      g.products(i, v.a, i, products, i);
      double sum = 0;
      for (int j = 0; j <= i; j++) {
        sum += products[j];
        columns[j] += products[j];
      }
      double w = f[i] * kdS.dot(i, v.u, i);
      last += w;
      double rk = dR.dot(i, kS, i);
      dLn[i] = sum + e * (qS.dot(i, dO, i) - beta * rk) - w;
      double dBeta = dR.dot(i, v.v, i) - e * rk - kkM(i, v);
      to.b().set(at + i, number, dBeta * beta * (1 - beta));
      dV.scaled(0, dR, i, beta);
      dV.store(0, to.mixed(), at + i, shape.valueAt(number));
      eO.scaled(i, dO, i, e);
      bR.scaled(i, dR, i, -beta * e);
      fU.scaled(i, v.u, i, f[i]);
      byKey.scaled(0, head.q, i, e);
      eqT.column(i, byKey, 0, keyDim);
      byKey.scaled(0, head.k, i, -beta * e);
      bkT.column(i, byKey, 0, keyDim);
    }
    dQ.sums(0, end, eO, 0, valueDim, sT, true);
    dQ.lower(0, end, x, 1, head.k);
    dK.sums(0, end, bR, 0, valueDim, sT, true);
    dK.sums(0, end, fU, 0, valueDim, dST, true);
    dK.upper(end, xT, 0, head.q);
    dK.lower(0, end, n, 0, head.k);
    dK.upper(end, nT, 1, head.k);
    double kept = 0;
    for (int i = 0; i < keyDim; i++) {
      kept += v.s.dot(i, ds, i);
      ds.scaled(i, ds, i, v.e[end - 1]);
    }
    ds.sums(0, keyDim, eqT, 0, end, dO, true);
    ds.sums(0, keyDim, bkT, 0, end, dR, true);
    decays(v, at, number, last + v.e[end - 1] * kept);
  }

  /// Σⱼ (dR·Uᵀ ⊙ D ⊙ K·Kᵀ)ᵢⱼ, j < i.
  private double kkM(int i, Head.Value v) {
    Arrays.fill(products, 0, i, 0);
    g.products(i, head.kk, i, products, i);
    double sum = 0;
    for (int j = 0; j < i; j++) {
      sum += products[j] * v.d[i][j];
    }
    return sum;
  }

  /// The gradients of a, A and the bias, from those of ln e.
  private void decays(Head.Value v, int at, int number, double last) {
    double rate = Math.exp(in.decay().get(0, number));
    double bias = in.bias().get(0, number);
    double behind = last;
    double dRate = 0;
    double dBias = 0;
    for (int i = head.end - 1; i >= 0; i--) {
      behind += dLn[i] - columns[i];
      double given = in.a().get(at + i, number) + bias;
      double da = -rate * Head.sigmoid(given) * behind;
      to.a().set(at + i, number, da);
      dBias += da;
      dRate -= rate * Head.softplus(given) * behind;
    }
    add(to.decay(), number, dRate);
    add(to.bias(), number, dBias);
  }

  private static void add(@Nullable Tensor to, int at, double more) {
    if (to != null) {
      to.set(0, at, to.get(0, at) + more);
    }
  }

  /// The gradients of the given queries and keys, through their lengths.
  private void keys(int at) {
    double scale = 1 / Math.sqrt(shape.keyDim());
    for (int i = 0; i < head.end; i++) {
      // with q = scale · n · x: dx = n · (scale · dq − q / scale · ⟨q, dq⟩)
      double qLength = head.qLength[i];
      turned(dQ, i, head.q, scale * qLength, dQ.dot(i, head.q, i) * qLength / scale);
      dQ.store(i, to.mixed(), at + i, head.keyHead * shape.keyDim());
      double kLength = head.kLength[i];
      turned(dK, i, head.k, kLength, dK.dot(i, head.k, i) * kLength);
      dK.store(i, to.mixed(), at + i, shape.keyAt(head.keyHead));
    }
  }

  /// row ← s · row − t · y.
  private void turned(RowMatrix row, int i, RowMatrix y, double s, double t) {
    own.set(0, i, -t);
    row.scaled(i, row, i, s);
    row.sum(i, own, 0, i, i + 1, y, true);
  }
}
