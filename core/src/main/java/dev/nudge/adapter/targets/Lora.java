package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Describes a LoRA adapter: y = W·x + scaling · B·A·dropout(x), A (rank, in), B (out, rank). [1]
///
/// A [Variant] adds a bias or DoRA's magnitudes to that.
///
/// scaling is alpha / rank, with rsLoRA alpha / √rank [2]. `rankPattern` and `alphaPattern` give
/// some modules their own rank and alpha: a key is a regular expression, matched as
/// `(.*\.)?(key)$`, and the first key that matches wins, so the order of the maps is kept.
///
/// [1] Hu et al., LoRA, arXiv:2106.09685. [2] Kalajdzievski, rsLoRA, arXiv:2312.03732.
///
/// @param rank rows of A, from 1
/// @param alpha numerator of the scale
/// @param rsLora divide by √rank instead of rank
/// @param dropout probability that an input of A is dropped in training, in [0, 1)
/// @param targets which modules
/// @param rankPattern ranks of modules that differ, by expression
/// @param alphaPattern alphas of modules that differ, by expression
/// @param exclude modules taken out again, or null
/// @param layers layers that a list of targets is restricted to, or null for all
/// @param extras what the adapter holds beside A and B
/// @param variant what each layer has beside A and B
public record Lora(
    int rank,
    double alpha,
    boolean rsLora,
    double dropout,
    Targets targets,
    Map<String, Integer> rankPattern,
    Map<String, Double> alphaPattern,
    @Nullable Targets exclude,
    @Nullable LayerFilter layers,
    Extras extras,
    Variant variant) {

  private static final String PART = ".language_model.";

  /// What a layer has beside A and B.
  public enum Variant {
    /// Nothing.
    PLAIN("plain LoRA"),
    /// A bias c of B: s·(B·A·x + c), PEFT's `lora_bias`.
    BIAS("LoRA with biases (lora_bias)"),
    /// A magnitude of each row of the merged weight, see `DoraLinear`; PEFT's `use_dora`.
    DORA("DoRA");

    private final String shown;

    Variant(String shown) {
      this.shown = shown;
    }

    /// The name in messages.
    public String shown() {
      return shown;
    }
  }

  public Lora {
    checkRank("rank", rank);
    checkAlpha("alpha", alpha);
    if (!(dropout >= 0 && dropout < 1)) {
      throw new InputException(
          "dropout is %s; it must be at least 0 and below 1".formatted(dropout));
    }
    rankPattern = ordered(rankPattern);
    alphaPattern = ordered(alphaPattern);
    rankPattern.forEach((key, value) -> checkRank("rank_pattern of " + key, value));
    alphaPattern.forEach((key, value) -> checkAlpha("alpha_pattern of " + key, value));
    rankPattern.keySet().forEach(PythonRegex::key);
    alphaPattern.keySet().forEach(PythonRegex::key);
    if (layers != null && !(targets instanceof Targets.Names)) {
      throw new InputException(
          "layers_to_transform needs a list of target_modules, not " + targets);
    }
  }

  /// Makes a plain adapter without patterns or exclusions.
  public static Lora of(int rank, double alpha, Targets targets) {
    return new Lora(
        rank, alpha, false, 0, targets, Map.of(), Map.of(), null, null, Extras.NONE, Variant.PLAIN);
  }

  /// This adapter in another variant.
  public Lora withVariant(Variant value) {
    return with(
        rsLora, dropout, targets, rankPattern, alphaPattern, exclude, layers, extras, value);
  }

  /// This adapter with ranks and alphas of modules that differ.
  public Lora withPatterns(Map<String, Integer> ranks, Map<String, Double> alphas) {
    return with(rsLora, dropout, targets, ranks, alphas, exclude, layers, extras, variant);
  }

  /// This adapter without some modules.
  ///
  /// @param without modules that are taken out again; null: none
  /// @param only layers that a list of targets is restricted to; null: all
  public Lora without(@Nullable Targets without, @Nullable LayerFilter only) {
    return with(
        rsLora, dropout, targets, rankPattern, alphaPattern, without, only, extras, variant);
  }

  public Lora withRsLora(boolean value) {
    return with(
        value, dropout, targets, rankPattern, alphaPattern, exclude, layers, extras, variant);
  }

  public Lora withExtras(Extras value) {
    return with(
        rsLora, dropout, targets, rankPattern, alphaPattern, exclude, layers, value, variant);
  }

  public Lora withDropout(double value) {
    return with(
        rsLora, value, targets, rankPattern, alphaPattern, exclude, layers, extras, variant);
  }

  public Lora withTargets(Targets value) {
    return with(
        rsLora, dropout, value, rankPattern, alphaPattern, exclude, layers, extras, variant);
  }

  /// Returns the spec of an adapter with a rank of its own for each module, of the same scale (with
  /// rsLoRA: of alpha times the rank over this rank), as EVA finds them.
  ///
  /// @param ranks by path; 0: the module is not adapted
  public Lora ranked(Map<String, Integer> ranks) {
    List<String> paths = new ArrayList<>();
    Map<String, Integer> others = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    for (Map.Entry<String, Integer> entry : ranks.entrySet()) {
      String path = entry.getKey();
      int own = entry.getValue();
      if (own <= 0) {
        continue;
      }
      paths.add(path);
      if (own != rank) {
        others.put(path, own);
        alphas.put(path, alpha * own / rank);
      }
    }
    return withTargets(new Targets.Names(paths)).without(null, null).withPatterns(others, alphas);
  }

  /// Returns the spec with a multiple of the rank, for what its tensors take at most.
  public Lora times(int factor) {
    return new Lora(
        factor * rank,
        alpha,
        rsLora,
        dropout,
        targets,
        rankPattern,
        alphaPattern,
        exclude,
        layers,
        extras,
        variant);
  }

  /// Returns the spec whose patterns mean the same in the order in which PEFT writes them, sorted:
  /// a module in which another key would come first gets its own, whole path.
  ///
  /// @throws InputException if a key matches none of the adapted modules
  public Lora inFileOrder(ModelShape model) {
    List<String> expert = model.paths().stream().filter(ExpertPaths::isExpert).toList();
    Lora plain = patternsInFileOrder(model);
    boolean doubled =
        expert.stream().anyMatch(p -> p.endsWith(ExpertPaths.GATE_UP) && plain.selects(p));
    return doubled ? plain.joined() : plain;
  }

  private Lora patternsInFileOrder(ModelShape model) {
    List<String> paths =
        rankPattern.isEmpty() && alphaPattern.isEmpty()
            ? List.of()
            : model.adapted(this).stream()
                .map(layer -> targets.key(layer.path()))
                .distinct()
                .toList();
    return withPatterns(
        inFileOrder("--rank-pattern", rankPattern, paths),
        inFileOrder("--alpha-pattern", alphaPattern, paths));
  }

  private static <T> Map<String, T> inFileOrder(
      String flag, Map<String, T> pattern, List<String> paths) {
    for (String key : pattern.keySet()) {
      if (paths.stream().noneMatch(PythonRegex.key(key))) {
        throw new InputException(
            "%s '%s' matches none of the layers that --targets selects; give a name or an expression that ends as their paths do, or leave it out"
                .formatted(flag, key));
      }
    }
    Map<String, T> sorted = new TreeMap<>(pattern);
    Map<String, T> whole = new LinkedHashMap<>();
    boolean same = true;
    for (String path : paths) {
      T value = first(pattern, path);
      same &= Objects.equals(value, first(sorted, path));
      if (value != null) {
        whole.put(path, value);
      }
    }
    return same ? pattern : whole;
  }

  private Lora with(
      boolean rsLora,
      double dropout,
      Targets targets,
      Map<String, Integer> ranks,
      Map<String, Double> alphas,
      @Nullable Targets exclude,
      @Nullable LayerFilter layers,
      Extras extras,
      Variant variant) {
    return new Lora(
        rank, alpha, rsLora, dropout, targets, ranks, alphas, exclude, layers, extras, variant);
  }

  /// Returns the spec of an adapter of twice the rank with the same scale everywhere: of A and B
  /// beside the pair that they began with.
  public Lora doubled() {
    double more = rsLora ? Math.sqrt(2) : 2;
    Map<String, Integer> ranks = new LinkedHashMap<>();
    rankPattern.forEach((key, value) -> ranks.put(key, 2 * value));
    Map<String, Double> alphas = new LinkedHashMap<>();
    alphaPattern.forEach((key, value) -> alphas.put(key, more * value));
    return new Lora(
        2 * rank,
        more * alpha,
        rsLora,
        dropout,
        targets,
        ranks,
        alphas,
        exclude,
        layers,
        extras,
        variant);
  }

  /// Returns the spec to save: `all-linear` becomes the sorted leaf names of the model's layers; an
  /// expression where these are a part of a model whose other parts have such names too. Where
  /// experts or routers are selected, parameters are named ([ExpertTargets]).
  public Lora resolved(ModelShape model) {
    List<String> linears = model.paths();
    if (linears.stream().anyMatch(ExpertPaths::isExpert)) {
      return ExpertTargets.named(this, model);
    }
    if (!(targets instanceof Targets.AllLinear)) {
      return this;
    }
    Targets.Names leaves = Targets.leafNames(linears);
    boolean part = linears.stream().allMatch(path -> path.contains(PART));
    String all = String.join("|", leaves.names());
    return withTargets(
        part ? new Targets.Regex(".*\\.language_model\\..*\\.(" + all + ")") : leaves);
  }

  /// Returns the spec with twice the rank and alpha on gate and up of experts, which have one
  /// matrix: as PEFT gives them, of the same scale without rsLoRA and √2 of it with.
  public Lora joined() {
    Map<String, Integer> ranks = new LinkedHashMap<>(rankPattern);
    Map<String, Double> alphas = new LinkedHashMap<>(alphaPattern);
    ranks.putIfAbsent(ExpertTargets.GATE_UP, 2 * rank);
    alphas.putIfAbsent(ExpertTargets.GATE_UP, 2 * alpha);
    return withPatterns(ranks, alphas);
  }

  /// Whether the targets name the module at `path`.
  public boolean selects(String path) {
    return targets.matcher().test(path);
  }

  /// The rank of the module at `path`.
  public int rank(String path) {
    return Objects.requireNonNullElse(first(rankPattern, targets.key(path)), rank);
  }

  /// The alpha of the module at `path`.
  public double alpha(String path) {
    return Objects.requireNonNullElse(first(alphaPattern, targets.key(path)), alpha);
  }

  /// The factor on B·A of the module at `path`.
  public double scaling(String path) {
    int r = rank(path);
    return alpha(path) / (rsLora ? Math.sqrt(r) : r);
  }

  /// Returns the paths, in the order given, that the adapter sits on.
  ///
  /// @param linears paths of the linear layers of the decoder layers
  /// @param ends paths of the embedding and the output head, which `all-linear` passes over
  /// @throws InputException if a target matches nothing
  public List<String> select(Collection<String> linears, Collection<String> ends) {
    return Selection.of(this, linears, ends);
  }

  private static <T> @Nullable T first(Map<String, T> pattern, String path) {
    for (Map.Entry<String, T> entry : pattern.entrySet()) {
      if (PythonRegex.key(entry.getKey()).test(path)) {
        return entry.getValue();
      }
    }
    return null;
  }

  private static void checkRank(String what, int rank) {
    if (rank < 1) {
      throw new InputException("%s is %d; it must be at least 1".formatted(what, rank));
    }
  }

  private static void checkAlpha(String what, double alpha) {
    if (!Double.isFinite(alpha)) {
      throw new InputException("%s is %s; it must be a number".formatted(what, alpha));
    }
  }

  private static <T> Map<String, T> ordered(Map<String, T> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }
}
