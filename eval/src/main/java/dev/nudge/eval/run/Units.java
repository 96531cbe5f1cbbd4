package dev.nudge.eval.run;

import dev.nudge.eval.Bootstrap;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The independent units of a set of documents: single documents, or clusters of documents that
/// are correlated because they share a text, a customer or a table.
///
/// @param clusters cluster number of each document; empty: documents are independent
/// @param count number of units
public record Units(List<Integer> clusters, int count) {
  public Units {
    clusters = List.copyOf(clusters);
  }

  /// Independent documents.
  public static Units alone(int documents) {
    return new Units(List.of(), documents);
  }

  /// Documents by cluster number; independent if all numbers differ.
  public static Units of(List<Integer> clusters) {
    int count = new HashSet<>(clusters).size();
    return count == clusters.size() ? alone(count) : new Units(clusters, count);
  }

  /// Clusters documents by a key: equal keys are one cluster, a null key is a cluster of its own.
  public static Units by(List<? extends @Nullable Object> values) {
    Map<Object, Integer> known = new HashMap<>();
    List<Integer> clusters = new ArrayList<>();
    for (Object value : values) {
      int next = clusters.size(); // a number that no earlier document has
      clusters.add(value == null ? next : known.computeIfAbsent(value, v -> next));
    }
    return of(clusters);
  }

  /// Whether documents are clustered.
  public boolean areClusters() {
    return !clusters.isEmpty();
  }

  /// Returns the number of clusters; 0 if documents are independent.
  public int clusterCount() {
    return areClusters() ? count : 0;
  }

  /// Returns the units of selected documents. Documents of a single cluster become independent
  /// units, and the result is valid for that cluster only.
  public Units some(List<Integer> places) {
    return areClusters() && !areOfOne(places)
        ? of(places.stream().map(clusters::get).toList())
        : alone(places.size());
  }

  /// Whether several selected documents are all of one cluster.
  public boolean areOfOne(List<Integer> places) {
    return areClusters()
        && places.size() > 1
        && places.stream().map(clusters::get).distinct().count() == 1;
  }

  /// Returns the unit number of each document, for resampling.
  public int[] numbers() {
    return areClusters() ? clusters.stream().mapToInt(i -> i).toArray() : Bootstrap.alone(count);
  }
}
