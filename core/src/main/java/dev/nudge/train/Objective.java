package dev.nudge.train;

import dev.nudge.data.Example;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A training objective: defines the loss by weighting the sequences of a step.
///
/// Let `s` be a sequence's log-probability: the sum over its labelled tokens, each times its loss
/// weight. A loss L of a step's sequences has the gradient
///
///     ∂L/∂θ = Σ ∂L/∂sᵢ · ∂sᵢ/∂θ
///
/// and training with constant weights w has the gradient of −Σ wᵢ·sᵢ. So with wᵢ = −∂L/∂sᵢ a step
/// descends any L with one backward pass. Weights that depend on `s` first need a forward pass
/// without dropout over the whole step; therefore sequences that L compares may be in different
/// micro-batches.
///
/// Threading: called between passes, by the thread that runs the steps.
public interface Objective {
  /// Supervised fine-tuning: mean negative log-likelihood (cross-entropy) of a step's labelled
  /// tokens, with constant weights.
  Objective SUPERVISED =
      new Objective() {
        @Override
        public boolean needsScores() {
          return false;
        }

        @Override
        public Weights weigh(List<Example> sequences, double[] logprobs) {
          long trained = sequences.stream().mapToLong(Example::trainedTokens).sum();
          return new Weights(1.0 / Math.max(1, trained), null, null, Map.of());
        }
      };

  /// Whether weights depend on log-probabilities, which cost a forward pass before each step.
  boolean needsScores();

  /// Weighs the sequences of a step.
  ///
  /// @param logprobs `s` of each sequence; empty unless [#needsScores]
  Weights weigh(List<Example> sequences, double[] logprobs);

  /// The weights of a step's sequences, and the metrics of the step.
  ///
  /// @param scale common factor of all weights
  /// @param each additional factor of each sequence; null: 1
  /// @param loss L; null: −Σ wᵢ·sᵢ, as the training pass computes it
  /// @param figures metrics besides the loss, by their names in `metrics.jsonl`, where they
  ///     replace no other key
  record Weights(
      double scale, double @Nullable [] each, @Nullable Double loss, Map<String, Double> figures) {}
}
