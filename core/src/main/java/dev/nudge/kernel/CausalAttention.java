package dev.nudge.kernel;

import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.List;

/// Computes attention in blocks of queries, with whole rows of scores at a time.
///
/// The query heads that share a key-value head are gathered, so that each block is one product of
/// (tokens · group) rows; the copies cost a sweep over q and the output. A block reads the keys up
/// to its own last token only: keys wholly beyond the diagonal are never computed, nor keys before
/// the window of its first query. The backward pass recomputes the scores. Scores, dP, dK and dV
/// are fp32 (measured to cost nothing), P and dS are rounded to the compute type as factors of the
/// next product.
///
/// Keys in several KV blocks take one product a block, whose scores are columns of one matrix; the
/// softmax is that of contiguous keys, and P·V is summed over the blocks in the accumulator type
/// and rounded once. Keys in one block take the same products as contiguous keys.
///
/// FlashAttention [1] makes one pass over key blocks with running maxima. On a CPU a block of whole
/// score rows fits in L2 up to some thousand keys, which saves the rescaling.
///
/// [1] Dao, FlashAttention-2, arXiv:2307.08691.
public final class CausalAttention implements Attend {
  @Override
  public void forward(
      Shape h, Tensor q, KeyValues kv, Tensor out, Tensor lse, Workspace ws, Kernels kernels) {
    int m = q.rows();
    int past = kv.rows() - m;
    QueryBlocks blocks = new QueryBlocks(h, past, m);
    int[] ends = blocks.ends();
    long bytes = bytes(blocks, ends, q.dtype(), kv.keys().size() > 1);
    if (ws.dry()) {
      int mark = ws.mark();
      ws.room(bytes);
      ws.release(mark);
      count(blocks, 2, ws.operations(), ws);
      return;
    }
    ws.each(
        h.keyCount() * ends.length,
        bytes,
        (piece, own) -> {
          int g = piece % h.keyCount(); // the longest blocks are the last
          int block = piece / h.keyCount();
          int from = block == 0 ? 0 : ends[block - 1];
          Tensor lses = rowsOf(h, lse, g, m, from, ends[block]);
          forwardBlock(h, g, past, from, ends[block], q, kv, out, lses, own, kernels);
        });
  }

  @Override
  public long bytes(Shape h, Dtype compute, int past, int m) {
    QueryBlocks blocks = new QueryBlocks(h, past, m);
    return bytes(blocks, blocks.ends(), compute, true);
  }

  /// @param ends of all blocks
  /// @param pieces whether keys lie in several blocks of memory
  private static long bytes(QueryBlocks queries, int[] ends, Dtype compute, boolean pieces) {
    Shape h = queries.h();
    int past = queries.past();
    Dtype acc = compute.accumulator();
    long most = 0;
    int from = 0;
    for (int to : ends) {
      long rows = (long) (to - from) * h.group();
      long scores = rows * (past + to - h.first(past + from));
      long copy = h.group() == 1 ? 0 : Workspace.aligned(rows * h.dim() * compute.bytes());
      long own = Workspace.aligned(scores * acc.bytes()) + 2 * copy;
      if (compute != acc) {
        own += Workspace.aligned(scores * compute.bytes());
        own += pieces ? Workspace.aligned(rows * h.dim() * acc.bytes()) : 0;
      }
      most = Math.max(most, own);
      from = to;
    }
    return most;
  }

  /// Computes one block of queries of key-value head g: `from` to `to`, after `past` keys.
  ///
  /// @param q all heads and queries, as in `out`
  /// @param lse of this block
  private static void forwardBlock(
      Shape h,
      int g,
      int past,
      int from,
      int to,
      Tensor q,
      KeyValues kv,
      Tensor out,
      Tensor lse,
      Workspace ws,
      Kernels kernels) {
    int first = h.first(past + from);
    int seen = past + to;
    Tensor qg = gathered(h, q.rows(from, to), g, ws, kernels); // (tokens·group, dim)
    Tensor o = out.rows(from, to);
    Tensor og = h.group() == 1 ? slice(h, o, g) : flat(h, wideScratch(h, q, to - from, ws));
    List<KeyValues.Piece> pieces = kv.pieces(first, seen);
    Tensor scores = ws.take(q.dtype().accumulator(), qg.rows(), seen - first);
    Tensor probs = scratch(q.dtype(), scores, ws);
    for (KeyValues.Piece p : pieces) {
      Tensor k = slice(h, p.keys(), g);
      Tensor part = scores.cols(p.from() - first, p.to() - first);
      ws.gemm().multiplyBatchInvariant(qg, k.transposed(), part, false);
    }
    cap(h, scores, kernels);
    kernels
        .softmaxRows()
        .forward(scores, rest(h), past + from - first, h.group(), h.window(), probs, lse);
    boolean rounded = kv.keys().size() > 1 && og.dtype() != scores.dtype();
    Tensor sum = rounded ? ws.take(scores.dtype(), og.rows(), og.cols()) : og;
    for (KeyValues.Piece p : pieces) {
      Tensor part = probs.cols(p.from() - first, p.to() - first);
      ws.gemm().multiplyBatchInvariant(part, slice(h, p.values(), g), sum, p.from() > first);
    }
    if (rounded) {
      kernels.elementwise().copy(sum, og);
    }
    scatter(h, og, o, g, kernels);
  }

  @Override
  public void backward(
      Shape h,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor out,
      Tensor lse,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace ws,
      Kernels kernels) {
    int n = q.rows();
    Dtype acc = q.dtype().accumulator();
    double before = ws.operations();
    for (int g = 0; g < heads(h, ws); g++) {
      int mark = ws.mark();
      Tensor dkg = ws.take(acc, n, h.dim());
      Tensor dvg = ws.take(acc, n, h.dim());
      backwardGroup(h, g, q, k, v, out, lse, dOut, dq, dkg, dvg, false, ws, kernels);
      kernels.elementwise().copy(dkg, slice(h, dk, g));
      kernels.elementwise().copy(dvg, slice(h, dv, g));
      ws.release(mark);
    }
    if (ws.dry()) {
      count(new QueryBlocks(h, 0, n), 5, before, ws);
    }
  }

  @Override
  public void backwardPart(
      Shape h,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor out,
      Tensor lse,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      boolean add,
      Workspace ws,
      Kernels kernels) {
    int n = k.rows();
    int stride = dk.rows() / h.keyCount();
    double before = ws.operations();
    for (int g = 0; g < heads(h, ws); g++) {
      Tensor dkg = dk.rows(g * stride, g * stride + n);
      Tensor dvg = dv.rows(g * stride, g * stride + n);
      backwardGroup(h, g, q, k, v, out, lse, dOut, dq, dkg, dvg, add, ws, kernels);
    }
    if (ws.dry()) {
      count(new QueryBlocks(h, n - q.rows(), q.rows()), 5, before, ws);
    }
  }

  /// Computes the gradients of one key-value head with its queries; dkg and dvg are (n, dim).
  private static void backwardGroup(
      Shape h,
      int g,
      Tensor q,
      Tensor k,
      Tensor v,
      Tensor out,
      Tensor lse,
      Tensor dOut,
      Tensor dq,
      Tensor dkg,
      Tensor dvg,
      boolean add,
      Workspace ws,
      Kernels kernels) {
    int m = q.rows();
    int past = k.rows() - m;
    QueryBlocks blocks = new QueryBlocks(h, past, m);
    int group = h.group();
    int mark = ws.mark();
    Tensor qg = gathered(h, q, g, ws, kernels);
    Tensor dOg = gathered(h, dOut, g, ws, kernels);
    Tensor dqg = group == 1 ? slice(h, dq, g) : flat(h, ws.take(q.dtype(), m, group * h.dim()));
    Tensor d = ws.take(q.dtype().accumulator(), m, group);
    kernels.softmaxRows().rowDots(wide(h, dOut, g), wide(h, out, g), group, d);
    boolean zeros = h.window() > 0 && !add;
    if (zeros) {
      ws.zero(dkg);
      ws.zero(dvg);
    }
    // from the last block: without a window it sees every key, so it overwrites dk and dv
    for (int to = m; to > 0; ) {
      int from = blocks.start(to);
      backwardBlock(
          h,
          past,
          from,
          to,
          add || zeros || to < m,
          qg,
          slice(h, k, g),
          slice(h, v, g),
          rowsOf(h, lse, g, m, from, to),
          dOg,
          d.reshaped((long) m * group, 1),
          dqg,
          dkg,
          dvg,
          ws,
          kernels);
      to = blocks.before(from, ws.dry());
    }
    scatter(h, dqg, dq, g, kernels);
    ws.release(mark);
  }

  /// Computes the gradients of one block: queries `from` to `to`, after `past` keys.
  private static void backwardBlock(
      Shape h,
      int past,
      int from,
      int to,
      boolean add,
      Tensor qg,
      Tensor kg,
      Tensor vg,
      Tensor lse,
      Tensor dOg,
      Tensor d,
      Tensor dqg,
      Tensor dkg,
      Tensor dvg,
      Workspace ws,
      Kernels kernels) {
    int group = h.group();
    int first = from * group;
    int last = to * group;
    int begin = h.first(past + from);
    int seen = past + to;
    int mark = ws.mark();
    Tensor q = qg.rows(first, last);
    Tensor dO = dOg.rows(first, last);
    Tensor k = kg.rows(begin, seen);
    Tensor scores = ws.take(qg.dtype().accumulator(), last - first, seen - begin);
    Tensor dP = ws.take(scores.dtype(), last - first, seen - begin);
    Tensor probs = ws.take(qg.dtype(), last - first, seen - begin);
    Tensor dS = scratch(qg.dtype(), dP, ws);
    ws.gemm().multiply(q, k.transposed(), scores, false);
    ws.gemm().multiply(dO, vg.rows(begin, seen).transposed(), dP, false);
    cap(h, scores, kernels);
    kernels
        .softmaxRows()
        .backward(
            scores,
            rest(h),
            past + from - begin,
            group,
            h.window(),
            lse,
            dP,
            d.rows(first, last),
            probs,
            dS);
    if (h.softCap() != 0) {
      kernels.softCap().backward(scores, dS, h.scale(), h.softCap());
    }
    ws.gemm().multiply(probs.transposed(), dO, dvg.rows(begin, seen), add);
    ws.gemm().multiply(dS.transposed(), q, dkg.rows(begin, seen), add);
    ws.gemm().multiply(dS, k, dqg.rows(first, last), false);
    ws.release(mark);
  }

  @Override
  public int fullest(Shape h, int tokens) {
    return QueryBlocks.fullest(h, tokens);
  }

  private static void cap(Shape h, Tensor scores, Kernels kernels) {
    if (h.softCap() != 0) {
      kernels.softCap().forward(scores, h.scale(), h.softCap());
    }
  }

  /// Returns the scale for the softmax: 1 if the soft cap has applied the scale.
  private static double rest(Shape h) {
    return h.softCap() == 0 ? h.scale() : 1;
  }

  /// Number of key-value heads that a pass computes. A dry run computes only the first, because
  /// each head frees its memory.
  private static int heads(Shape h, Workspace ws) {
    return ws.dry() ? 1 : h.keyCount();
  }

  /// Counts the operations of all blocks and heads, for a dry run that skipped some of them.
  ///
  /// @param before the count before the pass
  /// @param products number of products between queries and keys or values
  private static void count(QueryBlocks blocks, int products, double before, Workspace ws) {
    ws.operations(before + products * 2.0 * blocks.h().queryWidth() * blocks.pairs());
  }

  /// Returns `like` if of this type, else scratch of its shape.
  private static Tensor scratch(Dtype dtype, Tensor like, Workspace ws) {
    return dtype == like.dtype() ? like : ws.take(dtype, like.rows(), like.cols());
  }

  /// The columns of key-value head g.
  private static Tensor slice(Shape h, Tensor t, int g) {
    return t.cols(g * h.dim(), (g + 1) * h.dim());
  }

  /// The columns of the query heads of group g, (n, group·dim).
  private static Tensor wide(Shape h, Tensor t, int g) {
    int width = h.group() * h.dim();
    return t.cols(g * width, (g + 1) * width);
  }

  /// Takes scratch for `rows` rows of [#wide].
  private static Tensor wideScratch(Shape h, Tensor t, int rows, Workspace ws) {
    return ws.take(t.dtype(), rows, h.group() * h.dim());
  }

  private static Tensor flat(Shape h, Tensor t) {
    return t.reshaped((long) t.rows() * h.group(), h.dim());
  }

  /// The query heads of group g as rows, (n·group, dim).
  private static Tensor gathered(Shape h, Tensor t, int g, Workspace ws, Kernels kernels) {
    if (h.group() == 1) {
      return slice(h, t, g);
    }
    Tensor copy = wideScratch(h, t, t.rows(), ws);
    kernels.elementwise().copy(wide(h, t, g), copy);
    return flat(h, copy);
  }

  private static void scatter(Shape h, Tensor from, Tensor to, int g, Kernels kernels) {
    if (h.group() > 1) {
      kernels
          .elementwise()
          .copy(from.reshaped(to.rows(), (long) h.group() * h.dim()), wide(h, to, g));
    }
  }

  /// The rows of `lse` that belong to tokens from … to of group g.
  private static Tensor rowsOf(Shape h, Tensor lse, int g, int tokens, int from, int to) {
    int start = g * tokens * h.group();
    return lse.rows(start + from * h.group(), start + to * h.group());
  }
}
