package dev.nudge.eval.run;

import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// What one document gives to a metric.
public sealed interface MetricItem {
  /// As a file of samples shows it.
  JsonNode json();

  /// A number.
  record Value(double value) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.numberNode(value);
    }
  }

  /// The class that is right and the one that was chosen.
  record Labels(int gold, int chosen) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(gold).add(chosen);
    }
  }

  /// The class that is right and how likely each is.
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

  /// A log-probability, and the words or bytes that it is of.
  record Weighted(double logprob, long weight) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(logprob).add(weight);
    }
  }

  /// What should have been said, and what was.
  record Texts(String reference, String said) implements MetricItem {
    @Override
    public JsonNode json() {
      return JsonNodeFactory.instance.arrayNode().add(reference).add(said);
    }
  }
}
