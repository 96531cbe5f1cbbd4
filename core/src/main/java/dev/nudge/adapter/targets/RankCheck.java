package dev.nudge.adapter.targets;

import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/// Checks ranks against the shapes of their layers.
///
/// The rank of B·A is at most the layer's smaller side, so a larger rank is useless (a warning).
/// Above the larger side, A and B are larger than the weight itself (an error in a new adapter).
public final class RankCheck {
  private RankCheck() {}

  /// Checks a new adapter and returns warnings, one line each.
  ///
  /// @throws InputException if a rank is above the larger side of a layer
  public static List<String> fresh(Lora spec, Collection<LayerShape> selected) {
    Optional<LayerShape> worst =
        selected.stream()
            .filter(layer -> spec.rank(layer.path()) > layer.larger())
            .min(Comparator.comparingInt(LayerShape::larger));
    if (worst.isPresent()) {
      LayerShape layer = worst.get();
      int rank = spec.rank(layer.path());
      throw new InputException(
          "rank %d is larger than the larger side of %s (%d); set %s to at most %d"
              .formatted(
                  rank,
                  Targets.leaf(layer.path()),
                  layer.larger(),
                  rank == spec.rank() ? "--rank" : "rank_pattern",
                  layer.larger()));
    }
    return warnings(spec, selected);
  }

  /// Checks an adapter whose layers may take twice its rank.
  ///
  /// @throws InputException if that is above the larger side of a layer
  public static void twice(String flag, Lora spec, Collection<LayerShape> selected) {
    for (LayerShape layer : selected) {
      if (2 * spec.rank(layer.path()) > layer.larger()) {
        throw new InputException(
            "%s gives a layer up to twice --rank, %d, which is larger than the larger side of %s (%d); set --rank to at most %d"
                .formatted(
                    flag,
                    2 * spec.rank(layer.path()),
                    Targets.leaf(layer.path()),
                    layer.larger(),
                    layer.larger() / 2));
      }
    }
  }

  /// Refuses ranks above the smaller side of a layer, of which a weight has no part.
  public static void within(Lora spec, Collection<LayerShape> selected) {
    for (LayerShape layer : selected) {
      int rank = spec.rank(layer.path());
      if (rank > layer.smaller()) {
        throw new InputException(
            "rank %d is above the smaller side of %s (%d), and --init pissa or olora divides the weight; set %s to at most %d"
                .formatted(
                    rank,
                    Targets.leaf(layer.path()),
                    layer.smaller(),
                    rank == spec.rank() ? "--rank" : "--rank-pattern",
                    layer.smaller()));
      }
    }
  }

  /// Returns one warning per rank and side that is smaller than the rank.
  public static List<String> warnings(Lora spec, Collection<LayerShape> selected) {
    Map<Integer, Map<Integer, TreeSet<String>>> bySide = new TreeMap<>();
    for (LayerShape layer : selected) {
      int rank = spec.rank(layer.path());
      if (rank > layer.smaller()) {
        bySide
            .computeIfAbsent(rank, r -> new TreeMap<>())
            .computeIfAbsent(layer.smaller(), s -> new TreeSet<>())
            .add(Targets.leaf(layer.path()));
      }
    }
    List<String> lines = new ArrayList<>();
    bySide.forEach(
        (rank, sides) ->
            sides.forEach(
                (side, names) ->
                    lines.add(
                        "rank %d is above the smaller side of %s (%d): the part above adds nothing"
                            .formatted(rank, String.join(", ", names), side))));
    return lines;
  }
}
