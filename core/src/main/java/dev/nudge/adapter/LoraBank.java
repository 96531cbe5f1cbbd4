package dev.nudge.adapter;

import dev.nudge.kernel.FewRows;
import dev.nudge.kernel.Kernels;
import dev.nudge.nn.Around;
import dev.nudge.nn.Linear;
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
/// a product; in a decode step the A of all adapters are one parallel job, and the B another. A
/// row's result is bit-identical to that with its adapter alone.
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
    base.forward(x, y, p);
    if (trained.isEmpty()) {
      updates(x, y, p);
    } else {
      room(x, p);
      owned(x, p, (layer, from, to, own) -> layer.forward(x.rows(from, to), y.rows(from, to), own));
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
  public void rest(Tensor x, Tensor y, Pass p) {
    base.rest(x, y, p);
    updates(x, y, p);
  }

  private void updates(Tensor x, Tensor y, Pass p) {
    Segments rows = p.rows();
    Part part = new Part(p);
    if (rows.count() == 1) { // of which x may be some rows
      part.add(rows.adapter(0), x, y);
    } else if (x.rows() != rows.rows()) {
      throw new IllegalArgumentException(x.rows() + " of " + rows.rows() + " rows have no owner");
    }
    for (int i = 0, end; rows.count() > 1 && i < rows.count(); i = end) {
      int adapter = rows.adapter(i);
      end = i + 1;
      while (end < rows.count() && rows.adapter(end) == adapter && !p.ws().dry()) {
        end++;
      }
      int from = rows.start(i);
      int to = rows.start(end - 1) + rows.length(end - 1);
      part.add(adapter, x.rows(from, to), y.rows(from, to));
    }
    part.compute();
  }

  /// The updates of a pass: y += (s·x·Aᵀ)·Bᵀ of each, then what its variant does.
  private final class Part {
    private final Pass p;
    private final int mark;
    private final List<Tensor> xs = new ArrayList<>();
    private final List<Tensor> as = new ArrayList<>();
    private final List<Tensor> sums = new ArrayList<>();
    private final List<Double> scales = new ArrayList<>();
    private final List<Tensor> bs = new ArrayList<>();
    private final List<Tensor> ys = new ArrayList<>();
    private final List<AdaptedLinear> layers = new ArrayList<>();

    Part(Pass p) {
      this.p = p;
      this.mark = p.ws().mark();
    }

    void add(int adapter, Tensor x, Tensor y) {
      if (p.ws().dry()) {
        int rank = Math.max(LEAST, widest);
        if (finishes) {
          Magnitude.room(base, rank, p);
        }
        Tensor a = Tensor.dry(x.dtype(), rank, in());
        add(x, a, 1, Tensor.dry(x.dtype(), out(), a.rows()), y);
        return;
      }
      AdaptedLinear layer = adapter < 0 || adapter >= updates.size() ? null : updates.get(adapter);
      if (layer != null) {
        LoraLinear update = layer.lora();
        add(x, update.a().work(), update.scaling(), update.b().work(), y);
        layers.add(layer);
      }
    }

    private void add(Tensor x, Tensor a, double scale, Tensor b, Tensor y) {
      xs.add(x);
      as.add(a);
      sums.add(p.ws().take(x.dtype(), x.rows(), a.rows()));
      scales.add(scale);
      bs.add(b);
      ys.add(y);
    }

    void compute() {
      if (!xs.isEmpty()) {
        p.products(xs, as, sums, false);
        for (int i = 0; i < sums.size(); i++) {
          p.kernels().elementwise().scale(sums.get(i), scales.get(i));
        }
        p.products(sums, bs, ys, true);
        for (int i = 0; i < layers.size(); i++) {
          layers.get(i).finish(ys.get(i), p);
        }
      }
      p.ws().release(mark);
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
