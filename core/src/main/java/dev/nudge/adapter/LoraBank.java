package dev.nudge.adapter;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Around;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LowRank;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Computes a base layer once for a batch and each sequence's own LoRA update (multi-LoRA).
///
/// [Segments#adapter] says which adapter each sequence has. Adjacent sequences of one adapter share
/// a product. A row's result is bit-identical to that with its adapter alone.
///
/// Adapters that train have their rows by [Segments#parts]: the products with the base's weight
/// are those of all rows, in both directions, and what an adapter adds is computed by its own layer
/// ([LoraLinear]) on its own rows, so its gradients have the bits that they have alone.
///
/// A [Lora.Variant] finishes the rows of its own sequences. A measuring workspace counts the widest
/// update that was ever set, for each sequence, or in training for all rows.
final class LoraBank implements Around {
  private static final int LEAST = 16; // ranks below are measured as this

  private final Linear base;
  private final List<@Nullable AdaptedLinear> updates = new ArrayList<>();
  private int widest; // rank; a power of two
  private boolean finishes; // whether any update was more than A and B
  private final List<@Nullable LoraLinear> trained = new ArrayList<>(); // above the base's products

  LoraBank(Linear base) {
    this.base = base;
  }

  @Override
  public Linear base() {
    return base;
  }

  /// Sets the update of an adapter; null: the adapter does not change this layer.
  ///
  /// @return whether steps may need a larger workspace than before
  boolean set(int number, @Nullable AdaptedLinear update) {
    while (updates.size() <= number) {
      updates.add(null);
    }
    updates.set(number, update);
    boolean trains = update != null && update.lora().a().lanes() > 0;
    while (trains && trained.size() <= number) {
      trained.add(null);
    }
    if (number < trained.size()) {
      trained.set(number, trains && update != null ? update.lora().around(new Computed()) : null);
    }
    if (update == null) {
      return false;
    }
    boolean first = !finishes && update.finishes();
    finishes |= first;
    int rank = update.lora().rank();
    boolean wider = rank > widest;
    widest = wider ? Math.max(LEAST, 2 * Integer.highestOneBit(Math.max(1, rank - 1))) : widest;
    return first || wider;
  }

  @Override
  public void forward(Tensor x, Tensor y, Pass p) {
    if (!trained.isEmpty()) {
      base.forward(x, y, p);
      room(x, p);
      owned(x, p, (layer, from, to, own) -> layer.forward(x.rows(from, to), y.rows(from, to), own));
    } else if (!p.few(x, List.of(this), List.of(y))) {
      base.forward(x, y, p);
      List<LowRank> terms = new ArrayList<>();
      ownUpdates(x, p, terms);
      terms.forEach(term -> term.add(x, y, p));
      ownFinish(y, p);
    }
  }

  @Override
  public void again(Tensor x, Pass p) {
    base.again(x, p);
    room(x, p);
    owned(x, p, (layer, from, to, own) -> layer.again(x.rows(from, to), own));
  }

  /// Work on the rows of one adapter that trains.
  private interface OnRows {
    void run(LoraLinear layer, int from, int to, Pass own);
  }

  private void owned(Tensor x, Pass p, OnRows work) {
    List<Segments.Part> parts = p.rows().parts();
    if (p.ws().dry()) {
      work.run(widest(), 0, x.rows(), p);
    } else if (parts.isEmpty() || parts.getLast().to() != x.rows()) {
      throw new IllegalStateException(x.rows() + " rows have no owner");
    }
    for (Segments.Part part : parts) {
      LoraLinear layer = layer(part);
      if (layer != null) {
        work.run(layer, part.from(), part.to(), p.of(part));
      }
    }
  }

  private @Nullable LoraLinear layer(Segments.Part part) {
    int number = part.owner().number();
    return number < trained.size() ? trained.get(number) : null;
  }

  private LoraLinear widest() {
    LoraLinear widest = null;
    for (LoraLinear layer : trained) {
      widest = layer != null && (widest == null || layer.rank() > widest.rank()) ? layer : widest;
    }
    return Objects.requireNonNull(widest);
  }

  /// Counts what several adapters take more than one of their rows together: each matrix begins at
  /// a boundary, and a tile of dropped inputs may be larger.
  private void room(Tensor x, Pass p) {
    if (p.ws().dry()) {
      int mark = p.ws().mark();
      p.ws().take(x.dtype(), Math.min(x.rows(), LoraLinear.LARGEST_TILE), 2 * in());
      p.ws().release(mark);
      p.ws().take(x.dtype(), trained.size(), 64);
    }
  }

  @Override
  public FewRows.@Nullable Weight few() {
    return base.few();
  }

  @Override
  public void updates(Tensor x, Pass p, List<LowRank> to) {
    base.updates(x, p, to);
    ownUpdates(x, p, to);
  }

  private void ownUpdates(Tensor x, Pass p, List<LowRank> to) {
    if (p.ws().dry()) {
      roomOfUpdates(x, p, to);
    } else {
      groups(x.rows(), p, (layer, from, end) -> to.add(layer.lora().update(from, end)));
    }
  }

  @Override
  public void finish(Tensor y, Pass p) {
    base.finish(y, p);
    ownFinish(y, p);
  }

  private void ownFinish(Tensor y, Pass p) {
    if (p.ws().dry() && finishes) {
      Magnitude.room(base, Math.max(LEAST, widest), p);
    } else if (finishes) {
      groups(y.rows(), p, (layer, from, end) -> layer.finish(y.rows(from, end), p));
    }
  }

  /// Updates of the widest rank: of each sequence in a decode step, where all have their memory at
  /// once; else of all rows together.
  private void roomOfUpdates(Tensor x, Pass p, List<LowRank> to) {
    Segments rows = p.rows();
    int rank = Math.max(LEAST, widest);
    Tensor a = Tensor.dry(x.dtype(), rank, in());
    Tensor b = Tensor.dry(x.dtype(), out(), rank);
    boolean each = p.team() != null && rows.count() > 1;
    for (int i = 0; i < (each ? rows.count() : 1); i++) {
      int from = each ? rows.start(i) : 0;
      to.add(new LowRank(from, each ? from + rows.length(i) : x.rows(), a, 1, b));
    }
  }

  /// Work on adjacent rows of one adapter.
  private interface OnGroup {
    void run(AdaptedLinear layer, int from, int to);
  }

  private void groups(int all, Pass p, OnGroup work) {
    Segments rows = p.rows();
    if (rows.count() != 1 && all != rows.rows()) { // of one sequence they may be some rows
      throw new IllegalArgumentException(all + " of " + rows.rows() + " rows have no owner");
    }
    for (int i = 0, end; i < rows.count(); i = end) {
      int adapter = rows.adapter(i);
      end = i + 1;
      while (end < rows.count() && rows.adapter(end) == adapter) {
        end++;
      }
      AdaptedLinear layer = adapter < 0 || adapter >= updates.size() ? null : updates.get(adapter);
      if (layer != null) {
        int last = rows.start(end - 1) + rows.length(end - 1);
        work.run(layer, rows.start(i), rows.count() == 1 ? all : last);
      }
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    room(dy, p);
    var _ = base.backward(dy, dx, add, p); // is frozen
    List<Segments.Part> parts = p.rows().parts();
    if (p.ws().dry()) {
      return widest().backward(dy, dx, true, p);
    }
    List<Gradients> each = new ArrayList<>();
    for (Segments.Part part : parts.reversed()) { // as the tape has them
      LoraLinear layer = layer(part);
      if (layer != null) {
        int from = part.from();
        int to = part.to();
        Tensor below = dx == null ? null : dx.rows(from, to);
        Gradients own = layer.backward(dy.rows(from, to), below, true, p.of(part));
        each.add(x -> own.add(x.rows(from, to)));
      }
    }
    return x -> each.forEach(own -> own.add(x));
  }

  /// Stands for the base in an adapter's layer: its products are there already.
  private final class Computed implements Linear {
    @Override
    public int in() {
      return base.in();
    }

    @Override
    public int out() {
      return base.out();
    }

    @Override
    public void forward(Tensor x, Tensor y, Pass p) {}

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      return Gradients.NONE;
    }

    @Override
    public Tensor weight(int from, int to, Workspace ws, Kernels kernels) {
      return base.weight(from, to, ws, kernels);
    }

    @Override
    public Linear withWeight(Tensor weight) {
      return base.withWeight(weight);
    }

    @Override
    public void parameters(Consumer<Parameter> each) {}
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    for (LoraLinear layer : trained) {
      if (layer != null) {
        layer.parameters(each);
      }
    }
  }
}
