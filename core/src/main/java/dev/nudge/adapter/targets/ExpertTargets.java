package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Names what an adapter of a model with experts is on, as PEFT 0.21 has to be told.
///
/// Stacks of experts and routers are parameters to PEFT, and a bare `gate_proj` among
/// `target_modules` means the experts' in most families, so dense and shared layers of such names
/// are parameters too, `mlp.gate_proj.weight`; their tensors keep their names. All else are
/// modules. Names are as short as they can be: where a short one would select more, whole paths are
/// given.
public final class ExpertTargets {
  /// The pattern of the joined gate and up of experts, as PEFT writes it.
  static final String GATE_UP = ".*\\.gate_up_proj";

  private static final Set<String> TAKEN = Set.of("gate_proj", "up_proj", "down_proj", "gate");

  private ExpertTargets() {}

  static Lora named(Lora spec, ModelShape model) {
    List<String> selected = spec.select(model.paths(), model.ends());
    if (spec.targets() instanceof Targets.Parameters
        || selected.stream().noneMatch(ExpertTargets::parametric)) {
      boolean all = spec.targets() instanceof Targets.AllLinear;
      return all ? spec.withTargets(Targets.leafNames(selected)) : spec;
    }
    Set<String> modules = new TreeSet<>();
    Set<String> parameters = new TreeSet<>();
    Set<String> paths = new LinkedHashSet<>();
    Set<String> whole = new LinkedHashSet<>();
    for (String path : selected) {
      if (parametric(path)) {
        parameters.add(suffix(path));
        whole.add(ExpertPaths.parameter(path));
      } else {
        modules.add(Targets.leaf(path));
        paths.add(path);
      }
    }
    Lora named = with(spec, selected, modules, parameters);
    return named.select(model.paths(), model.ends()).equals(selected)
        ? named
        : with(spec, selected, paths, whole);
  }

  /// Targets that select these modules, all experts of a layer among them.
  public static Targets of(Collection<String> paths) {
    Set<String> modules = new LinkedHashSet<>();
    Set<String> parameters = new LinkedHashSet<>();
    for (String path : paths) {
      if (parametric(path)) {
        parameters.add(ExpertPaths.parameter(path));
      } else {
        modules.add(path);
      }
    }
    boolean experts =
        paths.stream().anyMatch(p -> ExpertPaths.isExpert(p) || ExpertPaths.isRouter(p));
    return experts
        ? new Targets.Parameters(
            modules.isEmpty() ? null : new Targets.Names(List.copyOf(modules)),
            List.copyOf(parameters))
        : new Targets.Names(List.copyOf(paths));
  }

  /// Refuses what PEFT has not on parameters, so that no other program could load the adapter.
  ///
  /// @param saved the spec as it is saved
  /// @param subtracts whether the base loses what the adapter begins with
  public static void check(Lora saved, boolean subtracts) {
    if (!(saved.targets() instanceof Targets.Parameters)) {
      return;
    }
    String refused =
        saved.dropout() > 0
            ? "--dropout " + saved.dropout()
            : saved.variant() != Lora.Variant.PLAIN
                ? saved.variant().shown()
                : subtracts ? "--init pissa or olora" : null;
    if (refused != null) {
      throw refused(refused, "PEFT loads no such adapter");
    }
  }

  /// Refuses something that is not possible on experts and routers.
  public static InputException refused(String what, String why) {
    return new InputException(
        "%s does not go with adapters on experts or routers: %s; leave it out, or give --targets of attention alone"
            .formatted(what, why));
  }

  /// The kinds of layers of a model with experts that an adapter is on, and those that it is not
  /// on; null for another model.
  public static @Nullable String kinds(Collection<String> adapted, Collection<String> all) {
    if (all.stream().noneMatch(ExpertPaths::isExpert)) {
      return null;
    }
    Map<String, Set<String>> on = new LinkedHashMap<>();
    all.forEach(path -> on.computeIfAbsent(kind(path), kind -> new TreeSet<>()));
    for (String path : adapted) {
      Set<String> leaves = on.get(kind(path));
      if (leaves != null) { // embedding and head have none
        leaves.add(Targets.leaf(path));
      }
    }
    List<String> kinds = new ArrayList<>();
    List<String> rest = new ArrayList<>();
    on.forEach(
        (kind, leaves) -> {
          if (leaves.isEmpty()) {
            rest.add(kind);
          } else {
            kinds.add("%s (%s)".formatted(kind, String.join(", ", leaves)));
          }
        });
    return String.join(", ", kinds)
        + (rest.isEmpty()
            ? ""
            : (kinds.isEmpty() ? "" : "; ") + "not on " + String.join(", ", rest));
  }

  private static String kind(String path) {
    if (ExpertPaths.isExpert(path)) {
      return "experts";
    }
    if (ExpertPaths.isRouter(path)) {
      return "routers";
    }
    return path.contains(".shared_expert")
        ? "shared experts"
        : path.contains("_attn.") ? "attention" : "dense layers";
  }

  private static boolean parametric(String path) {
    return ExpertPaths.isExpert(path)
        || ExpertPaths.isRouter(path)
        || TAKEN.contains(Targets.leaf(path));
  }

  /// What suffices to name a parameter in most models.
  private static String suffix(String path) {
    String parameter = ExpertPaths.parameter(path);
    int segments = ExpertPaths.isExpert(path) ? 1 : ExpertPaths.isRouter(path) ? 2 : 3;
    List<String> all = List.of(parameter.split("\\."));
    return String.join(".", all.subList(all.size() - segments, all.size()));
  }

  private static Lora with(
      Lora spec, List<String> selected, Set<String> modules, Set<String> parameters) {
    Targets targets =
        new Targets.Parameters(
            modules.isEmpty() ? null : new Targets.Names(new ArrayList<>(modules)),
            new ArrayList<>(parameters));
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Map<String, Double> alphas = new LinkedHashMap<>();
    boolean usual = true;
    for (String path : selected) {
      String key = targets.key(path);
      boolean joined = key.endsWith(".experts." + ExpertPaths.GATE_UP);
      int rank = (joined ? 2 : 1) * spec.rank();
      double alpha = (joined ? 2 : 1) * spec.alpha();
      usual &= spec.rank(path) == rank && spec.alpha(path) == alpha;
      if (spec.rank(path) != spec.rank()) {
        ranks.put(key, spec.rank(path));
      }
      if (spec.alpha(path) != spec.alpha()) {
        alphas.put(key, spec.alpha(path));
      }
    }
    Lora plain = spec.withTargets(targets).without(null, null);
    Lora bare = plain.withPatterns(Map.of(), Map.of());
    return !usual ? plain.withPatterns(ranks, alphas) : ranks.isEmpty() ? bare : bare.joined();
  }
}
