package dev.nudge.adapter;

import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearWrapper;
import dev.nudge.nn.LowRank;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Segments;
import dev.nudge.tensor.Tensor;
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
/// ([LoraLinear]) on its own rows, so its gradients have the bits that they have alone. Magnitudes
/// ([DoraLinear]) come behind all A and B, and before them in the backward pass.
///
/// A [Lora.Variant] finishes the rows of its own sequences. A measuring workspace counts the widest
/// update that was ever set, for each sequence, or in training for all rows.
final class LoraBank implements LinearWrapper {
  private static final int LEAST = 16; // ranks below are measured as this

  private final Linear base;
  private final List<@Nullable LowRankLinear> updates = new ArrayList<>();
  private int widest; // rank; a power of two
  private boolean finishes; // whether any update was more than A and B
  private final List<@Nullable LowRankLinear> trained =
      new ArrayList<>(); // above the base's products

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
  boolean set(int number, @Nullable LowRankLinear update) {
    while (updates.size() <= number) {
      updates.add(null);
    }
    updates.set(number, update);
    boolean trains = update != null && update.lora().a().lanes() > 0;
    while (trains && trained.size() <= number) {
      trained.add(null);
    }
    if (number < trained.size()) {
      trained.set(number, trains && update != null ? update.around(new Computed()) : null);
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
      each(
          x,
          p,
          (layer, from, to, own) -> layer.lora().forward(x.rows(from, to), y.rows(from, to), own));
      magnitudes(x, p, (dora, from, to, own) -> dora.complete(y.rows(from, to), own));
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
    each(x, p, (layer, from, to, own) -> layer.lora().again(x.rows(from, to), own));
    magnitudes(
        x,
        p,
        (dora, from, to, own) -> {
          Tensor z = own.ws().take(x.dtype(), to - from, out());
          base.forward(x.rows(from, to), z, own.withoutTape());
          dora.lora().forward(x.rows(from, to), z, own.withoutTape());
          dora.keep(z, own);
        });
  }

  /// Work on the rows of one adapter that trains.
  private interface OnRows<L> {
    void run(L layer, int from, int to, Pass own);
  }

  private void each(Tensor rows, Pass p, OnRows<LowRankLinear> work) {
    owned(LowRankLinear.class, rows, p.rows().parts(), p, work);
  }

  private void magnitudes(Tensor rows, Pass p, OnRows<DoraLinear> work) {
    if (widest(DoraLinear.class) != null) {
      room(rows, p);
      owned(DoraLinear.class, rows, p.rows().parts(), p, work);
    }
  }

  private <L extends LowRankLinear> void owned(
      Class<L> kind, Tensor rows, List<Segments.Part> parts, Pass p, OnRows<L> work) {
    if (p.ws().dry()) {
      L widest = Objects.requireNonNull(widest(kind));
      p.ws().take(rows.dtype(), rows.rows(), frozenRanks() - frozenRanks(widest));
      work.run(widest, 0, rows.rows(), p);
    } else if (parts.stream().mapToInt(Segments.Part::to).max().orElse(-1) != rows.rows()) {
      throw new IllegalStateException(rows.rows() + " rows have no owner");
    }
    for (Segments.Part part : parts) {
      int number = part.owner().number();
      LowRankLinear layer = number < trained.size() ? trained.get(number) : null;
      if (layer != null && kind.isInstance(layer)) {
        work.run(kind.cast(layer), part.from(), part.to(), p.of(part));
      }
    }
  }

  private <L extends LowRankLinear> @Nullable L widest(Class<L> kind) {
    L widest = null;
    for (LowRankLinear layer : trained) {
      if (layer != null
          && kind.isInstance(layer)
          && (widest == null || layer.lora().rank() > widest.lora().rank())) {
        widest = kind.cast(layer);
      }
    }
    return widest;
  }

  /// The most ranks of what a layer's adapter began with and subtracts.
  private int frozenRanks() {
    int most = 0;
    for (LowRankLinear layer : trained) {
      most = layer == null ? most : Math.max(most, frozenRanks(layer));
    }
    return most;
  }

  private static int frozenRanks(LowRankLinear layer) {
    int ranks = 0;
    Linear under = layer.lora().base();
    while (under instanceof LoraLinear frozen) {
      ranks += frozen.rank();
      under = frozen.base();
    }
    return ranks;
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
  public SkinnyProduct.@Nullable Weight few() {
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
    void run(LowRankLinear layer, int from, int to);
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
      LowRankLinear layer = adapter < 0 || adapter >= updates.size() ? null : updates.get(adapter);
      if (layer != null) {
        int last = rows.start(end - 1) + rows.length(end - 1);
        work.run(layer, rows.start(i), rows.count() == 1 ? all : last);
      }
    }
  }

  @Override
  public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
    room(dy, p);
    List<Segments.Part> back = p.rows().parts().reversed(); // as the tape has them
    Tensor dz = passed(dy, back, p);
    var _ = base.backward(dz, dx, add, p); // is frozen
    List<Gradients> each = new ArrayList<>();
    owned(
        LowRankLinear.class,
        dy,
        back,
        p,
        (layer, from, to, own) -> {
          Tensor below = dx == null ? null : dx.rows(from, to);
          Gradients added = layer.lora().backward(dz.rows(from, to), below, true, own);
          each.add(x -> added.add(x.rows(from, to)));
        });
    return x -> each.forEach(own -> own.add(x));
  }

  /// The gradients of what the base and all A and B give: dy, where no magnitudes train.
  private Tensor passed(Tensor dy, List<Segments.Part> back, Pass p) {
    if (widest(DoraLinear.class) == null) {
      return dy;
    }
    room(dy, p);
    Tensor dz = p.ws().take(dy.dtype(), dy.rows(), dy.cols());
    p.kernels().elementwise().copy(dy, dz);
    owned(
        DoraLinear.class,
        dy,
        back,
        p,
        (dora, from, to, own) -> dora.passed(dy.rows(from, to), dz.rows(from, to), own));
    return dz;
  }

  /// Stands for the base in an adapter's layer: its products are there already.
  private final class Computed implements LinearWrapper {
    @Override
    public Linear base() {
      return base;
    }

    @Override
    public void forward(Tensor x, Tensor y, Pass p) {}

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      return Gradients.NONE;
    }

    @Override
    public void parameters(Consumer<Parameter> each) {}
  }

  @Override
  public void parameters(Consumer<Parameter> each) {
    for (LowRankLinear layer : trained) {
      if (layer != null) {
        layer.parameters(each);
      }
    }
  }
}
