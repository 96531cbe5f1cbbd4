package dev.nudge.nn.layer;

import dev.nudge.kernel.Routing;
import dev.nudge.nn.ExpertLoad;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Routed;
import dev.nudge.nn.Tape;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// A mixture of experts (MoE) in place of a layer's MLP: y = Σ_j w_j·expert_j(x) over the k experts
/// that a router chooses for each token, plus an optional shared expert.
///
/// The tokens are sorted by expert ([Routed]), and an expert computes its own rows only, so
/// batch-invariant passes stay so. A token's k outputs are separate rows, added in the order of the
/// choice: results do not depend on timing. There is no capacity limit, so no token is dropped.
///
/// The tape keeps the logits and the choice, and each expert's gate and up. If the `Recompute`
/// level dropped them, they are recomputed, bit-identical. The router's gradient needs w_j·g_j =
/// w_j·dy·y_j, which is the product of an expert's inner gradient with its inner values, so an
/// output is never kept. The index of a choice has no gradient.
///
/// A dry run routes all rows to k experts. Apart from alignment gaps after the other experts'
/// pieces, which are added, no choice takes more memory.
public final class Experts implements Body {
  private static final int PIECES = 4; // per expert on the tape, each with a gap
  private static final int GAP = 64; // bytes

  private final int layer;
  private final LinearSlot router;
  private final List<Mlp> experts;
  private final Routing.Rule rule;
  private final int chosen;
  private final @Nullable SharedExpert shared;
  private final int width;
  private boolean asks;
  private @Nullable Boolean few; // null until a step decodes

  /// A shared expert.
  ///
  /// @param gate one logit a token, whose sigmoid scales the expert's output; null: none
  public record SharedExpert(Mlp mlp, @Nullable LinearSlot gate) {}

  /// @param layer its index
  /// @param router one logit an expert
  /// @param chosen experts of a token, k
  /// @param shared null: there is none
  public Experts(
      int layer,
      LinearSlot router,
      List<Mlp> experts,
      Routing.Rule rule,
      int chosen,
      @Nullable SharedExpert shared) {
    this.layer = layer;
    this.router = router;
    this.experts = List.copyOf(experts);
    this.rule = rule;
    this.chosen = chosen;
    this.shared = shared;
    this.width = router.linear().in();
  }

  /// @param sigmoid of the shared expert's gate, (rows, 1)
  private record Saved(Tensor logits, Routed routed, @Nullable Tensor sigmoid)
      implements Tape.Entry {}

  /// The parts of the scratch that all layers share.
  private record Scratch(Tensor outputs, Tensor inputs, Tensor inner) {}

  private Scratch scratch(Tensor inner, int rows) {
    Tensor flat = Tensor.of(inner.data(), inner.dtype(), inner.elements(), 1);
    int outputs = chosen * rows;
    return new Scratch(
        part(flat, 0, outputs, width),
        part(flat, (long) outputs * width, rows, width),
        part(flat, (long) (outputs + rows) * width, rows, innerWidth()));
  }

  private static Tensor part(Tensor flat, long from, int rows, int cols) {
    return flat.view(from, new long[] {rows, cols}, new long[] {cols, 1});
  }

  private int innerWidth() {
    int own = experts.getFirst().inner();
    return shared == null ? own : Math.max(own, shared.mlp.inner());
  }

  @Override
  public void askAhead() {
    asks = true;
  }

  @Override
  public int inner() {
    return (chosen + 1) * width + innerWidth();
  }

  @Override
  public void forward(Tensor x, Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    Saved s = run(x, y, inner, false, p);
    ExpertLoad load = p.load();
    if (load != null && !p.ws().dry()) {
      load.count(layer, s.logits, s.routed, p.rows());
    }
  }

  @Override
  public void again(
      Tensor x, @Nullable Tensor y, Tensor inner, @Nullable Activations kept, Pass p) {
    run(x, y, inner, true, p);
  }

  /// @param y null: computes only the tape's entries
  private Saved run(Tensor x, @Nullable Tensor y, Tensor inner, boolean again, Pass p) {
    Workspace ws = p.ws();
    int n = x.rows();
    Tensor logits = ws.take(x.dtype(), n, experts.size());
    router.linear().forward(x, logits, p);
    Routed routed = Routed.of(logits, rule, chosen, ws);
    gaps(ws);
    if (asks && p.team() != null && !ws.dry()) {
      for (int e = 0; e < experts.size(); e++) {
        if (routed.start(e) < routed.start(e + 1)) {
          experts.get(e).ask();
        }
      }
    }
    Scratch scratch = scratch(inner, n);
    boolean done = y != null && together(x, routed, scratch.outputs, p) && !ws.dry();
    for (int e = 0; e < experts.size() && !done; e++) {
      int from = routed.start(e);
      int to = routed.start(e + 1);
      if (from < to) {
        int mark = ws.mark();
        Tensor rows = scratch.inputs.rows(0, to - from);
        p.kernels().elementwise().gather(x, routed.tokens().rows(from, to), rows);
        Pass own = p.batchInvariant() ? p.some(routed.tokens().rows(from, to)) : p;
        Tensor out = y == null ? null : scratch.outputs.rows(from, to);
        compute(experts.get(e), rows, out, scratch.inner, again, own);
        if (p.tape() == null) {
          ws.release(mark);
        }
      }
    }
    Tensor sigmoid = shared == null ? null : shared(shared, x, y, scratch, again, p);
    if (y != null && !ws.dry()) {
      Routing.combine(scratch.outputs, routed.places(), routed.weights(), y);
    }
    if (y != null && shared != null) {
      p.kernels().elementwise().add(scratch.inputs, y);
    }
    Saved s = new Saved(logits, routed, sigmoid);
    if (p.tape() != null) {
      p.tape().push(s);
    }
    return s;
  }

  /// Computes the chosen experts of a decoding step together, if they have no adapters: fewer
  /// barriers for the team. A dry run measures both this and one-by-one computation.
  ///
  /// @return whether the outputs were computed
  private boolean together(Tensor x, Routed routed, Tensor outputs, Pass p) {
    if (p.team() == null || !few(x.dtype(), p)) {
      return false;
    }
    Workspace ws = p.ws();
    int mark = ws.mark();
    Tensor sorted = x;
    if (x.rows() > 1) {
      sorted = ws.take(x.dtype(), outputs.rows(), width);
      p.kernels().elementwise().gather(x, routed.tokens(), sorted);
    }
    int all = outputs.rows();
    int most = x.rows() == 1 ? all : Math.min(experts.size(), all / 2);
    List<Mlp> used = new ArrayList<>();
    List<Tensor> xs = new ArrayList<>();
    for (int e = 0; e < experts.size(); e++) {
      // dry: as many experts as can have several rows, which need most memory
      int from = ws.dry() ? all * Math.min(e, most) / most : routed.start(e);
      int to = ws.dry() ? all * Math.min(e + 1, most) / most : routed.start(e + 1);
      if (from < to) {
        used.add(experts.get(e));
        xs.add(x.rows() > 1 ? sorted.rows(from, to) : x);
      }
    }
    boolean done = ws.dry() || used.stream().allMatch(Mlp::bare);
    if (done) {
      Mlp.together(used, xs, outputs, p);
    }
    ws.release(mark);
    return done;
  }

  /// Returns whether the kernels support all experts' weights, whose format is fixed.
  private boolean few(Dtype type, Pass p) {
    if (few == null) {
      few = experts.stream().allMatch(mlp -> mlp.few(type, p.kernels().fewRows()));
    }
    return few;
  }

  private static void compute(
      Mlp mlp, Tensor x, @Nullable Tensor y, Tensor scratch, boolean again, Pass p) {
    Tensor inner = Tensor.of(scratch.data(), x.dtype(), x.rows(), mlp.inner());
    if (again) {
      mlp.again(x, y, inner, null, p);
    } else if (y != null) {
      mlp.forward(x, y, inner, null, p);
    }
  }

  /// Computes the shared expert into the scratch's inputs; returns the sigmoid of its gate.
  private static @Nullable Tensor shared(
      SharedExpert s, Tensor x, @Nullable Tensor y, Scratch scratch, boolean again, Pass p) {
    Tensor sigmoid = null;
    if (s.gate != null) {
      sigmoid = p.ws().take(x.dtype(), x.rows(), 1);
      s.gate.linear().forward(x, sigmoid, p);
      if (!p.ws().dry()) {
        Routing.sigmoid(sigmoid);
      }
    }
    compute(s.mlp, x, y == null ? null : scratch.inputs, scratch.inner, again, p);
    if (y != null && sigmoid != null && !p.ws().dry()) {
      Routing.scale(scratch.inputs, sigmoid, null);
    }
    return sigmoid;
  }

  /// Reserves the alignment gaps of experts that a dry run does not compute.
  private void gaps(Workspace ws) {
    if (ws.dry()) {
      ws.take(Dtype.I8, experts.size() * PIECES, GAP);
    }
  }

  @Override
  public Linear.Gradients backward(Tensor dy, @Nullable Tensor dx, Tensor inner, Pass p) {
    Saved s = p.taped().pop(Saved.class);
    Workspace ws = p.ws();
    int n = dy.rows();
    Dtype acc = dy.dtype().accumulator();
    Tensor products = ws.take(acc, chosen * n, 1);
    Tensor own = ws.take(dy.dtype(), n, width);
    Tensor deep = ws.take(dy.dtype(), n, innerWidth());
    Tensor whole = dx == null || shared == null ? null : ws.take(acc, n, width);
    Tensor dxs = dx == null ? null : ws.take(acc, chosen * n, width);
    gaps(ws);
    Linear.Gradients beside =
        shared == null ? Linear.Gradients.NONE : shared(shared, s, dy, whole, own, deep, p);
    Linear.@Nullable Gradients[] each = new Linear.Gradients[experts.size()];
    for (int e = experts.size() - 1; e >= 0; e--) {
      int from = s.routed.start(e);
      int to = s.routed.start(e + 1);
      if (from < to) {
        Tensor rows = own.rows(0, to - from);
        p.kernels().elementwise().gather(dy, s.routed.tokens().rows(from, to), rows);
        if (!ws.dry()) {
          Routing.scale(rows, s.routed.weights(), s.routed.pairs().rows(from, to));
        }
        Tensor part = dxs == null ? null : dxs.rows(from, to);
        each[e] = backward(experts.get(e), rows, part, deep, products.rows(from, to), p);
      }
    }
    if (dx != null && dxs != null && !ws.dry()) {
      Routing.combine(dxs, s.routed.places(), null, dx);
    }
    if (dx != null && whole != null) {
      p.kernels().elementwise().add(whole, dx);
    }
    Linear.Gradients routing = routing(s, products, dx, p);
    return x -> {
      for (int e = experts.size() - 1; e >= 0; e--) {
        Linear.Gradients gradients = each[e];
        if (gradients != null) {
          Tensor rows = own.rows(0, s.routed.start(e + 1) - s.routed.start(e));
          Tensor tokens = s.routed.tokens().rows(s.routed.start(e), s.routed.start(e + 1));
          p.kernels().elementwise().gather(x, tokens, rows);
          gradients.add(rows);
        }
      }
      beside.add(x);
      routing.add(x);
    };
  }

  private static Linear.Gradients backward(
      Mlp mlp, Tensor dy, @Nullable Tensor dx, Tensor scratch, @Nullable Tensor products, Pass p) {
    Tensor inner = Tensor.of(scratch.data(), dy.dtype(), dy.rows(), mlp.inner());
    return mlp.backward(dy, dx, inner, products, p);
  }

  /// @param dx written; null: not computed
  private static Linear.Gradients shared(
      SharedExpert shared,
      Saved s,
      Tensor dy,
      @Nullable Tensor dx,
      Tensor own,
      Tensor deep,
      Pass p) {
    if (shared.gate == null || s.sigmoid == null) {
      return backward(shared.mlp, dy, dx, deep, null, p);
    }
    Workspace ws = p.ws();
    Tensor products = ws.take(dy.dtype(), dy.rows(), 1);
    p.kernels().elementwise().copy(dy, own);
    if (!ws.dry()) {
      Routing.scale(own, s.sigmoid, null);
    }
    Linear.Gradients expert = backward(shared.mlp, own, dx, deep, products, p);
    if (!ws.dry()) {
      Routing.sigmoidBackward(s.sigmoid, products);
    }
    Linear.Gradients gate = shared.gate.linear().backward(products, dx, true, p);
    return x -> {
      expert.add(x);
      gate.add(x);
    };
  }

  private Linear.Gradients routing(Saved s, Tensor products, @Nullable Tensor dx, Pass p) {
    Tensor logits = s.logits;
    Tensor dLogits = p.ws().take(logits.dtype(), logits.rows(), logits.cols());
    if (!p.ws().dry()) {
      Routing.backward(logits, rule, s.routed.chosen(), products, s.routed.places(), dLogits);
      ExpertLoad load = p.load();
      if (load != null) {
        load.addGradient(logits, p.rows(), dLogits);
      }
    }
    return router.linear().backward(dLogits, dx, true, p);
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    router.linear().parameters(each);
    experts.forEach(expert -> expert.parameters(each));
    if (shared != null) {
      shared.mlp.parameters(each);
      if (shared.gate != null) {
        shared.gate.linear().parameters(each);
      }
    }
  }
}
