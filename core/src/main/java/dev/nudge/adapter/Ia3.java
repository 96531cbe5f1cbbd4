package dev.nudge.adapter;

import dev.nudge.adapter.targets.ExpertTargets;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.kernel.Kernels;
import dev.nudge.kernel.SkinnyProduct;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.LinearWrapper;
import dev.nudge.nn.LowRank;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Pass;
import dev.nudge.nn.Tape;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.Method;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// (IA)³ [1] as PEFT has it: a trained vector l for each layer, which begins as ones.
///
///     y = (W·x + b) ⊙ l          l (out)
///     y = W·(l ⊙ x) + b          l (in), for feedforward modules
///
/// So a merged weight is W with its rows, or its columns, scaled. With u the product before l and
/// dy = ∂L/∂y, the gradients are
///
///     du = dy ⊙ l,                dl = Σ_rows dy ⊙ u           (u = W·x + b, kept for this)
///     du = Wᵀ·dy,  dx = du ⊙ l,   dl = Σ_rows du ⊙ x
///
/// l multiplies in fp32, and the product is rounded once. A new adapter takes k_proj, v_proj and
/// down_proj, the last as feedforward module: the layers of the paper, and PEFT's for Llama.
///
/// [1] Liu et al., Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context
/// Learning, arXiv:2205.05638.
///
/// @param where selects the modules; its rank is not read
/// @param feedforward the modules whose input is scaled, by PEFT's rule: a path that ends in a name
///     of the list, or a whole path that matches the expression; null: none
public record Ia3(Lora where, @Nullable Targets feedforward) implements AdapterKind {
  /// PEFT's `peft_type`.
  static final String TYPE = "IA3";

  /// Keys of the config that are read.
  static final Set<String> KEYS =
      Set.of(
          "peft_type",
          "task_type",
          "target_modules",
          "exclude_modules",
          "feedforward_modules",
          "modules_to_save",
          "init_ia3_weights");

  private static final String DOWN = "down_proj";

  /// Describes a new adapter.
  ///
  /// @param selection of modules; `all-linear` too
  public static Ia3 fresh(Lora selection) {
    if (!(selection.targets() instanceof Targets.Names names)) {
      return new Ia3(selection, new Targets.Names(List.of(DOWN)));
    }
    List<String> among = names.names().stream().filter(name -> name.endsWith(DOWN)).toList();
    return new Ia3(selection, among.isEmpty() ? null : new Targets.Names(among));
  }

  /// The modules of a new adapter whose user names none.
  public static Targets usual() {
    return new Targets.Names(List.of("k_proj", "v_proj", DOWN));
  }

  @Override
  public Method method() {
    return Method.IA3;
  }

  @Override
  public String shown() {
    return "(IA)³";
  }

  /// Of two lists, PEFT wants that of feedforward modules to be part of the other; an expression
  /// may
  /// stand beside any.
  @Override
  public Ia3 resolved(ModelShape model) {
    Lora saved = where.resolved(model);
    if (saved.targets().equals(where.targets())
        || !(feedforward instanceof Targets.Names(List<String> names))) {
      return new Ia3(saved, feedforward);
    }
    String any = String.join("|", names).replace(".", "\\.");
    return new Ia3(saved, new Targets.Regex(".*(" + any + ")"));
  }

  private boolean scalesInput(String path) {
    return switch (feedforward) {
      case null -> false;
      case Targets.Names list -> list.names().stream().anyMatch(path::endsWith);
      case Targets other -> other.matcher().test(path);
    };
  }

  @Override
  public AdapterKind withDropout(double dropout) {
    return this;
  }

  @Override
  public boolean adaptsEnds() {
    return false;
  }

  @Override
  public void check(ModelShape model, List<LayerShape> adapted, boolean subtracts) {
    model.checkInside(shown(), adapted);
    if (where.resolved(model).targets() instanceof Targets.Parameters) {
      throw ExpertTargets.refused(shown(), "PEFT has no vectors for them");
    }
  }

  @Override
  public List<String> warnings(List<LayerShape> adapted, boolean fresh) {
    return List.of();
  }

  @Override
  public boolean lowRank() {
    return false;
  }

  @Override
  public Map<String, List<Long>> vectors(LayerShape layer) {
    return Map.of(
        name(layer.path()),
        scalesInput(layer.path())
            ? List.of(1L, (long) layer.in())
            : List.of((long) layer.out(), 1L));
  }

  private static String name(String path) {
    return PeftFiles.PREFIX + path + ".ia3_l";
  }

  @Override
  public void config(Map<String, @Nullable Object> keys) {
    keys.put(
        "feedforward_modules", feedforward == null ? List.of() : PeftConfig.modules(feedforward));
    keys.put("init_ia3_weights", true);
    keys.put("peft_type", TYPE);
  }

  /// Reads the keys of this kind.
  static Ia3 read(PeftReader reader, Lora where) {
    Targets feedforward = reader.feedforward();
    if (feedforward instanceof Targets.Names(List<String> names)
        && where.targets() instanceof Targets.Names(List<String> all)
        && !all.containsAll(names)) {
      throw new InputException(
          "feedforward_modules %s are not all among target_modules %s, as PEFT wants them"
              .formatted(feedforward, where.targets()));
    }
    Lora selection = Lora.of(1, 1, where.targets()).without(where.exclude(), null);
    return new Ia3(selection.withExtras(where.extras()), feedforward);
  }

  @Override
  public void checkMerge(
      Path folder, List<LayerShape> adapted, Set<String> biased, int adapters, double scale) {
    checkAlone(folder, adapters, scale);
  }

  @Override
  public AdaptedLinear.Place place(
      LinearSlot slot, Linear base, double scale, ParameterMemory room, Source source) {
    boolean input = scalesInput(slot.path());
    String name = name(slot.path());
    Parameter l = room.vectorOf(name, input ? base.in() : base.out());
    if (!room.dry()) {
      for (int i = 0; i < l.elements(); i++) {
        l.master().set(0, i, 1);
      }
      source.more(name, l.master());
      ParameterMemory.round(l);
    }
    return new Put(slot, base, new Layer(base, l, input));
  }

  private record Put(LinearSlot slot, Linear base, Layer made) implements AdaptedLinear.Place {
    @Override
    public List<Parameter> parameters() {
      return List.of(made.l);
    }

    @Override
    public Map<String, Tensor> tensors(Scope scope) {
      Tensor l = made.l.master();
      return Map.of(made.l.name(), made.input ? l : l.reshaped(l.elements(), 1));
    }
  }

  /// A layer with its vector.
  ///
  /// Training wraps bare layers only, so the scaled input need not outlive a product.
  static final class Layer implements AdaptedLinear, LinearWrapper {
    private final Linear base;
    private final Parameter l;
    private final boolean input;

    Layer(Linear base, Parameter l, boolean input) {
      this.base = base;
      this.l = l;
      this.input = input;
    }

    private record Saved(Tensor u) implements Tape.Entry {}

    private boolean trains() {
      return l.lanes() > 0;
    }

    @Override
    public Linear base() {
      return base;
    }

    @Override
    public void forward(Tensor x, Tensor y, Pass p) {
      if (input) {
        int mark = p.ws().mark();
        base.forward(scaled(x, x.dtype(), p), y, p);
        p.ws().release(mark);
        return;
      }
      base.forward(x, y, p);
      if (p.tape() != null && trains()) {
        Tensor u = p.ws().take(y.dtype(), y.rows(), y.cols());
        p.kernels().elementwise().copy(y, u);
        p.tape().push(new Saved(u));
      }
      scale(y, y, p);
    }

    /// l ⊙ x in the workspace.
    private Tensor scaled(Tensor x, Dtype type, Pass p) {
      Tensor scaled = p.ws().take(type, x.rows(), x.cols());
      scale(x, scaled, p);
      return scaled;
    }

    private void scale(Tensor from, Tensor to, Pass p) {
      p.kernels().elementwise().scaleCols(from, l.master(), null, to);
    }

    @Override
    public boolean finishes() {
      return !input || (base instanceof AdaptedLinear under && under.finishes());
    }

    @Override
    public void finish(Tensor y, Pass p) {
      base.finish(y, p);
      if (!input) {
        scale(y, y, p);
      }
    }

    @Override
    public void again(Tensor x, Pass p) {
      if (input) {
        return;
      }
      base.again(x, p);
      if (trains()) {
        Tensor u = p.ws().take(x.dtype(), x.rows(), out());
        base.forward(x, u, p.withoutTape());
        p.taped().push(new Saved(u));
      }
    }

    @Override
    public Gradients backward(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      if (input) {
        return throughInput(dy, dx, add, p);
      }
      if (trains()) {
        gradient(dy, p.taped().pop(Saved.class).u(), p);
      }
      return base.backward(scaled(dy, dy.dtype(), p), dx, add, p);
    }

    private Gradients throughInput(Tensor dy, @Nullable Tensor dx, boolean add, Pass p) {
      Tensor du = p.ws().take(dy.dtype(), dy.rows(), in());
      Gradients under = base.backward(dy, du, false, p);
      if (dx != null && add) {
        int mark = p.ws().mark();
        p.kernels().elementwise().add(scaled(du, dx.dtype(), p), dx);
        p.ws().release(mark);
      } else if (dx != null) {
        scale(du, dx, p);
      }
      return x -> {
        if (under != Gradients.NONE) {
          int mark = p.ws().mark();
          under.add(scaled(x, x.dtype(), p));
          p.ws().release(mark);
        }
        if (trains()) {
          gradient(du, x, p);
        }
      };
    }

    /// dl += Σ_rows d ⊙ u.
    private void gradient(Tensor d, Tensor u, Pass p) {
      int mark = p.ws().mark();
      Tensor sum = p.ws().take(l.master().dtype(), 1, d.cols());
      p.kernels().elementwise().colDot(d, u, sum, false);
      p.kernels().elementwise().add(sum, l.gradient(p.ws().lane()));
      p.ws().release(mark);
    }

    @Override
    public SkinnyProduct.@Nullable Weight few() {
      return input ? null : base.few();
    }

    @Override
    public void updates(Tensor x, Pass p, List<LowRank> to) {
      base.updates(x, p, to);
    }

    @Override
    public Tensor merged(int from, int to, Workspace ws, Kernels kernels) {
      Tensor sum = AdaptedLinear.below(base, l.master().dtype(), from, to, ws, kernels);
      if (input) {
        kernels.elementwise().scaleCols(sum, l.master(), null, sum);
      } else {
        for (int r = 0; r < sum.rows() && !ws.dry(); r++) {
          kernels.elementwise().scale(sum.rows(r, r + 1), l.master().get(0, from + r));
        }
      }
      return sum;
    }

    @Override
    public @Nullable Tensor mergedBias(Scope scope) {
      Tensor below = base instanceof AdaptedLinear under ? under.mergedBias(scope) : null;
      Tensor own = below == null ? base.bias() : below;
      if (input || own == null) {
        return below;
      }
      Tensor bias = scope.tensor(l.master().dtype(), 1, out());
      for (int i = 0; i < out() && !scope.dry(); i++) {
        bias.set(0, i, own.get(0, i) * l.master().get(0, i));
      }
      return bias;
    }

    @Override
    public Layer around(Linear other) {
      return new Layer(base.around(other), l, input);
    }

    @Override
    public boolean changes() {
      return base.changes();
    }

    @Override
    public @Nullable Parameter trainedWeight() {
      return base.trainedWeight();
    }

    @Override
    public void parameters(Consumer<Parameter> each) {
      if (trains()) {
        each.accept(l);
      }
      base.parameters(each);
    }
  }
}
