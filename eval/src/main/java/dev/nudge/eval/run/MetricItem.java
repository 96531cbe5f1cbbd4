package dev.nudge.eval.run;

import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// The value that one document contributes to a metric.
public sealed interface MetricItem {
  /// Returns the value as in a samples file.
  JsonNode json();

  /// A number.
  record Value(double value) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.numberNode(value);
    }
  }

  /// The gold class and the predicted one.
  record Labels(int gold, int chosen) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(gold).add(chosen);
    }
  }

  /// The gold class and the probability of each class.
  record Chances(int gold, List<Double> chances) implements MetricItem {
    public Chances {
      chances = List.copyOf(chances);
    }

    @Override
    public JsonNode json() {
      ArrayNode all = JsonNodeFactory.instance.arrayNode();
      chances.forEach(all::add);
      return JsonNodeFactory.instance.arrayNode().add(gold).add(all);
    }
  }

  /// A log-probability with its number of words or bytes.
  record Weighted(double logprob, long weight) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(logprob).add(weight);
    }
  }

  /// A reference and the generated text.
  record Texts(String reference, String said) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(reference).add(said);
    }
  }
}
