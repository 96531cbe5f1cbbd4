package dev.nudge.adapter;

import dev.nudge.settings.InputException;
import dev.nudge.settings.PythonRegex;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Describes a LoRA adapter: y = W·x + scaling · B·A·dropout(x), A (rank, in), B (out, rank). [1]
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
    Extras extras) {

  private static final String PART = ".language_model.";

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
    return new Lora(rank, alpha, false, 0, targets, Map.of(), Map.of(), null, null, Extras.NONE);
  }

  public Lora withRsLora(boolean value) {
    return new Lora(
        rank, alpha, value, dropout, targets, rankPattern, alphaPattern, exclude, layers, extras);
  }

  public Lora withExtras(Extras value) {
    return new Lora(
        rank, alpha, rsLora, dropout, targets, rankPattern, alphaPattern, exclude, layers, value);
  }

  public Lora withDropout(double value) {
    return new Lora(
        rank, alpha, rsLora, value, targets, rankPattern, alphaPattern, exclude, layers, extras);
  }

  public Lora withTargets(Targets value) {
    return new Lora(
        rank, alpha, rsLora, dropout, value, rankPattern, alphaPattern, exclude, layers, extras);
  }

  /// Returns the spec to save: `all-linear` becomes the sorted leaf names of the model's layers; an
  /// expression where these are a part of a model whose other parts have such names too.
  public Lora resolved(Collection<String> linears) {
    if (!(targets instanceof Targets.AllLinear)) {
      return this;
    }
    Targets.Names leaves = Targets.leafNames(linears);
    boolean part = linears.stream().allMatch(path -> path.contains(PART));
    String all = String.join("|", leaves.names());
    return withTargets(
        part ? new Targets.Regex(".*\\.language_model\\..*\\.(" + all + ")") : leaves);
  }

  /// The rank of the module at `path`.
  public int rank(String path) {
    return first(rankPattern, path, rank);
  }

  /// The alpha of the module at `path`.
  public double alpha(String path) {
    return first(alphaPattern, path, alpha);
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

  private static <T> T first(Map<String, T> pattern, String path, T otherwise) {
    for (Map.Entry<String, T> entry : pattern.entrySet()) {
      if (PythonRegex.key(entry.getKey()).test(path)) {
        return entry.getValue();
      }
    }
    return otherwise;
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
