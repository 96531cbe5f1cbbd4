package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Nearest;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// Finds the modules that an adapter targets, by PEFT's rules but stricter.
///
/// If one of several names matches nothing, PEFT is silent; here it is an error, since less would
/// be trained than was asked for. A name that is a whole path matches regardless of
/// `layers_to_transform`, as in PEFT; exclusions come first.
public final class Selection {
  private Selection() {}

  static List<String> of(Lora spec, Collection<String> linears, Collection<String> ends) {
    Predicate<String> selects = predicate(spec);
    if (spec.targets() instanceof Targets.Names names) {
      List<String> known = linears.stream().flatMap(p -> ExpertPaths.names(p).stream()).toList();
      names.names().forEach(name -> checkEntry(name, known, ends));
    }
    List<String> selected = new ArrayList<>(linears.stream().filter(selects).toList());
    if (!(spec.targets() instanceof Targets.AllLinear)) {
      ends.stream().filter(selects).forEach(selected::add);
    }
    LayerFilter layers = spec.layers();
    if (layers != null) {
      checkLayers(layers, linears);
    }
    if (selected.isEmpty()) {
      throw new InputException(
          "targets %s select no linear layer%s; the linear layers are %s"
              .formatted(spec.targets(), restriction(spec), leaves(linears)));
    }
    return selected;
  }

  private static Predicate<String> predicate(Lora spec) {
    Predicate<String> targeted = spec.targets().matcher();
    LayerFilter layers = spec.layers();
    if (layers != null && spec.targets() instanceof Targets.Names names) {
      Set<String> exact = Set.copyOf(names.names());
      Predicate<String> matched = targeted;
      targeted = path -> exact.contains(path) || (matched.test(path) && layers.contains(path));
    }
    @Nullable Targets exclude = spec.exclude();
    return exclude == null ? targeted : targeted.and(exclude.matcher().negate());
  }

  private static void checkEntry(String name, Collection<String> linears, Collection<String> ends) {
    if (linears.stream().noneMatch(path -> Targets.Names.matches(name, path))
        && ends.stream().noneMatch(path -> Targets.Names.matches(name, path))) {
      List<String> all = new ArrayList<>(linears);
      all.addAll(ends);
      List<String> near = Nearest.of(name, suffixes(name, all));
      throw new InputException(
          "target '%s' matches no linear layer of the model; %s"
              .formatted(
                  name,
                  near.isEmpty()
                      ? "the linear layers are " + leaves(linears)
                      : "did you mean " + Nearest.alternatives(near) + "?"));
    }
  }

  private static void checkLayers(LayerFilter layers, Collection<String> linears) {
    Set<Integer> present = new LinkedHashSet<>();
    for (String path : linears) {
      OptionalInt index = layers.index(path);
      index.ifPresent(present::add);
    }
    for (int wanted : layers.indices()) {
      if (!present.contains(wanted)) {
        throw new InputException(
            "layers_to_transform names layer %d; the model has %s"
                .formatted(
                    wanted,
                    present.isEmpty()
                        ? "no layer that layers_pattern " + layers.patterns() + " matches"
                        : range(present)));
      }
    }
  }

  /// Formats `layer 0` or `layers 0 to 11`.
  public static String range(Collection<Integer> numbers) {
    int low = numbers.stream().mapToInt(Integer::intValue).min().orElse(0);
    int high = numbers.stream().mapToInt(Integer::intValue).max().orElse(0);
    return low == high ? "layer " + low : "layers " + low + " to " + high;
  }

  private static String restriction(Lora spec) {
    List<String> parts = new ArrayList<>();
    if (spec.layers() != null) {
      parts.add("layers_to_transform " + spec.layers().indices());
    }
    if (spec.exclude() != null) {
      parts.add("exclude_modules " + spec.exclude());
    }
    return parts.isEmpty() ? "" : " with " + String.join(" and ", parts);
  }

  private static String leaves(Collection<String> linears) {
    return linears.isEmpty() ? "none" : String.join(", ", Targets.leafNames(linears).names());
  }

  /// The dotted suffixes of the paths that have as many parts as `name`.
  private static Set<String> suffixes(String name, Collection<String> paths) {
    int parts = name.split("\\.", -1).length;
    Set<String> suffixes = new LinkedHashSet<>();
    for (String path : paths) {
      String[] all = path.split("\\.", -1);
      int from = Math.max(0, all.length - parts);
      suffixes.add(String.join(".", List.of(all).subList(from, all.length)));
    }
    return suffixes;
  }
}
