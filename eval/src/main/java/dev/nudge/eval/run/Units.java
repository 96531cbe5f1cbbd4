package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// What of some documents is independent of the rest: each document, or clusters of documents that
/// hang together because they are about one text, one customer, one table.
///
/// @param clusters the number of each document's cluster; empty: each document stands for itself
/// @param count of what is independent
public record Units(List<Integer> clusters, int count) {
  public Units {
    clusters = List.copyOf(clusters);
  }

  /// So many documents, each for itself.
  public static Units alone(int documents) {
    return new Units(List.of(), documents);
  }

  /// Documents with the numbers of their clusters. Where no two have the same, each stands for
  /// itself.
  public static Units of(List<Integer> clusters) {
    int count = new HashSet<>(clusters).size();
    return count == clusters.size() ? alone(count) : new Units(clusters, count);
  }

  /// Documents by what they hang together by: those with the same are a cluster, one with null
  /// stands for itself.
  public static Units by(List<? extends @Nullable Object> values) {
    Map<Object, Integer> known = new HashMap<>();
    List<Integer> clusters = new ArrayList<>();
    for (Object value : values) {
      int next = clusters.size(); // a number that no document before has
      clusters.add(value == null ? next : known.computeIfAbsent(value, v -> next));
    }
    return of(clusters);
  }

  /// Whether some documents hang together.
  public boolean areClusters() {
    return !clusters.isEmpty();
  }

  /// How many clusters there are; 0: each document stands for itself.
  public int clusterCount() {
    return areClusters() ? count : 0;
  }

  /// The units of some of the documents, by their places. Documents that are all of one cluster say
  /// nothing of other clusters: there each stands for itself, and what is told is told of that
  /// cluster.
  public Units some(List<Integer> places) {
    return areClusters() && !areOfOne(places)
        ? of(places.stream().map(clusters::get).toList())
        : alone(places.size());
  }

  /// Whether some of the documents, several, are all of one cluster.
  public boolean areOfOne(List<Integer> places) {
    return areClusters()
        && places.size() > 1
        && places.stream().map(clusters::get).distinct().count() == 1;
  }

  /// As resamples are drawn by: the number of each document's unit.
  public int[] numbers() {
    return areClusters() ? clusters.stream().mapToInt(i -> i).toArray() : Bootstrap.alone(count);
  }
}
