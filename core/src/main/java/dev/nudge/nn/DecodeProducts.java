package dev.nudge.nn;

import dev.nudge.kernel.Elementwise;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Team;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// Computes several layers of a decode step, with biases and adapter updates, as one parallel task
/// with a single barrier. Layers of one input share its arrangement.
///
/// The task has two kinds of pieces. A reduction projects the rows of one adapter to its rank,
/// s·x·Aᵀ. A stretch computes some rows of the layers' weights: first product and bias, then, after
/// all reductions, the reduced rows times Bᵀ. The team begins with the reductions, so a stretch
/// waits only for reductions already under way. Rounding is that of separate products.
public final class DecodeProducts {
  private static final int PIECES = 4; // for each thread
  private static final int LEAST = 16; // weight rows of a piece

  /// A layer, its weight in storage format, its input and its output.
  public record Product(Linear layer, SkinnyProduct.Weight weight, Tensor x, Tensor y) {}

  /// Returns a layer's weight if the kernel supports it, else null.
  static SkinnyProduct.@Nullable Weight weight(Linear layer, Dtype type, SkinnyProduct kernel) {
    SkinnyProduct.Weight weight = layer.few();
    return weight != null && kernel.takes(weight, type) ? weight : null;
  }

  /// One layer: its product with arranged rows.
  ///
  /// @param input the rows
  private record Layer(
      SkinnyProduct.Weight weight,
      Tensor input,
      Tensor x,
      @Nullable Tensor bias,
      Tensor y,
      List<Update> updates) {}

  /// A [LowRank] term of a layer.
  ///
  /// @param x its rows, arranged
  /// @param sums s·x·Aᵀ, in the compute type
  /// @param arranged sums, for the product with B
  /// @param y its rows of the output
  private record Update(
      Tensor x,
      SkinnyProduct.Weight a,
      double scale,
      Tensor sums,
      SkinnyProduct.Weight b,
      Tensor arranged,
      Tensor y) {}

  private final SkinnyProduct kernel;
  private final Elementwise elementwise;
  private final Workspace ws;
  private final Dtype type;
  private final boolean shares; // whether layers of one input share its arrangement
  private final List<Layer> layers = new ArrayList<>();
  private final List<Update> updates = new ArrayList<>();
  private final AtomicInteger reductions = new AtomicInteger();
  private int rows; // of all weights

  private DecodeProducts(Pass p, Dtype type, boolean shares) {
    this.kernel = p.kernels().fewRows();
    this.elementwise = p.kernels().elementwise();
    this.ws = p.ws();
    this.type = type;
    this.shares = shares;
  }

  /// Computes the layers' outputs before [Linear#finish]. Terms whose factors the kernels do not
  /// support (an odd rank) are added after the task.
  ///
  /// @param kinds whether a dry run stands for other layers and so shares no arrangement
  static void run(List<Product> products, boolean kinds, Team team, Pass p) {
    int mark = p.ws().mark();
    DecodeProducts task =
        new DecodeProducts(p, products.getFirst().x.dtype(), !kinds || !p.ws().dry());
    List<List<LowRank>> late = new ArrayList<>(products.size());
    for (Product each : products) {
      List<LowRank> terms = new ArrayList<>();
      each.layer.updates(each.x, p, terms);
      boolean all = terms.stream().allMatch(task::takes);
      task.add(each, all ? terms : List.of());
      late.add(all ? List.of() : terms);
    }
    task.go(team);
    for (int i = 0; i < products.size(); i++) {
      for (LowRank term : late.get(i)) {
        term.add(products.get(i).x, products.get(i).y, p);
      }
    }
    p.ws().release(mark);
  }

  /// Computes y = x·Wᵀ, or adds to it.
  static void product(Tensor x, SkinnyProduct.Weight w, Tensor y, boolean add, Team team, Pass p) {
    int mark = p.ws().mark();
    SkinnyProduct kernel = p.kernels().fewRows();
    Tensor arranged = kernel.arranged(x, w, p.ws());
    int pieces = pieces(w.rows(), team);
    team.each(
        pieces,
        piece -> {
          int from = part(w.rows(), piece, pieces);
          int to = part(w.rows(), piece + 1, pieces);
          kernel.multiply(arranged, w, x.dtype(), from, to, y, add);
        });
    p.ws().release(mark);
  }

  private boolean takes(LowRank term) {
    return kernel.takes(new SkinnyProduct.Dense(term.a()), type)
        && kernel.takes(new SkinnyProduct.Dense(term.b()), type);
  }

  private void add(Product product, List<LowRank> terms) {
    SkinnyProduct.Weight w = product.weight;
    Tensor x = product.x;
    Tensor y = product.y;
    List<Update> own = new ArrayList<>(terms.size());
    Layer before = layers.isEmpty() ? null : layers.getLast();
    Tensor arranged =
        shares && before != null && before.input == x && kernel.alike(before.weight, w)
            ? before.x
            : kernel.arranged(x, w, ws);
    Tensor low = null; // arranged for factors A
    for (LowRank term : terms) {
      SkinnyProduct.Weight a = new SkinnyProduct.Dense(term.a());
      SkinnyProduct.Weight b = new SkinnyProduct.Dense(term.b());
      if (low == null) {
        low = kernel.alike(w, a) ? arranged : kernel.arranged(x, a, ws);
      }
      Tensor sums = ws.take(type, term.to() - term.from(), term.a().rows());
      own.add(
          new Update(
              kernel.some(low, term.from(), term.to()),
              a,
              term.scale(),
              sums,
              b,
              kernel.room(sums, b, ws),
              y.rows(term.from(), term.to())));
    }
    layers.add(new Layer(w, x, arranged, product.layer.bias(), y, own));
    updates.addAll(own);
    rows += w.rows();
  }

  private void go(Team team) {
    int stretches = pieces(rows, team);
    reductions.set(updates.size());
    team.each(
        stretches + updates.size(),
        piece -> {
          if (piece < stretches) {
            stretch(part(rows, piece, stretches), part(rows, piece + 1, stretches));
          } else {
            reduce(updates.get(piece - stretches));
          }
        });
  }

  private static int pieces(int rows, Team team) {
    return Math.clamp(rows / LEAST, 1, PIECES * team.threads());
  }

  private static int part(int rows, int piece, int pieces) {
    return (int) ((long) rows * piece / pieces);
  }

  private void reduce(Update u) {
    try {
      kernel.multiply(u.x, u.a, type, 0, u.a.rows(), u.sums, false);
      elementwise.scale(u.sums, u.scale);
      if (!ws.dry()) {
        kernel.arrange(u.sums, u.b, u.arranged);
      }
    } finally {
      reductions.decrementAndGet();
    }
  }

  /// Computes the rows `first` to `last` of all weights.
  private void stretch(int first, int last) {
    int start = 0;
    for (Layer layer : layers) {
      int from = Math.max(0, first - start);
      int to = Math.min(last - start, layer.weight.rows());
      if (from < to) {
        stretch(layer, from, to);
      }
      start += layer.weight.rows();
    }
  }

  private void stretch(Layer layer, int from, int to) {
    kernel.multiply(layer.x, layer.weight, type, from, to, layer.y, false);
    if (layer.bias != null) {
      elementwise.addBias(layer.y.cols(from, to), layer.bias.cols(from, to));
    }
    if (!layer.updates.isEmpty()) {
      Team.await(reductions);
    }
    for (Update u : layer.updates) {
      kernel.multiply(u.arranged, u.b, type, from, to, u.y, true);
    }
  }
}
