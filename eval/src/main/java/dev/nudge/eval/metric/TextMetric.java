package dev.nudge.eval.metric;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/// A metric of generated text: a score of each document from 0 to 1, averaged over the documents.
///
/// An implementation is a service of this interface (`META-INF/services`); a task file names it by
/// [#key]. It cannot replace a built-in metric.
public interface TextMetric {
  /// Returns the name in a task file.
  String key();

  /// Scores an answer.
  ///
  /// @param references the right answers, at least one
  /// @return from 0 to 1; with several references the best score
  double score(String prediction, List<String> references);

  /// Whether a higher score is better.
  default boolean higherIsBetter() {
    return true;
  }

  /// Returns the metrics of [Rouge] and of the services, by name.
  static Map<String, TextMetric> all() {
    Map<String, TextMetric> all = new LinkedHashMap<>();
    for (Rouge rouge : Rouge.values()) {
      all.put(rouge.key(), rouge);
    }
    ServiceLoader.load(TextMetric.class, TextMetric.class.getClassLoader())
        .forEach(metric -> all.putIfAbsent(metric.key(), metric));
    return all;
  }
}
