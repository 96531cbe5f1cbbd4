package dev.nudge.train;

import dev.nudge.data.Example;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Weighs the sequences of a training step, and so says what a run minimises.
///
/// Let `s` be a sequence's log-probability: the sum over its trained tokens, each times what the
/// token counts. A loss L of a step's sequences has the gradient
///
///     ∂L/∂θ = Σ ∂L/∂sᵢ · ∂sᵢ/∂θ
///
/// and training with constant weights w gives that of −Σ wᵢ·sᵢ. So a step with wᵢ = −∂L/∂sᵢ
/// descends L, whatever it is, by one backward pass. Weights that depend on `s` take a forward pass
/// more, without dropout, over the whole step first; so sequences that L compares may lie in
/// different micro-batches.
///
/// Threading: called between passes, by the thread that makes steps.
public interface Objective {
  /// Supervised fine-tuning: the mean negative log-likelihood of a step's trained tokens. Its
  /// weights are constant.
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

  /// Whether weights depend on log-probabilities, which a forward pass before each step computes.
  boolean needsScores();

  /// Weighs the sequences of a step.
  ///
  /// @param logprobs `s` of each sequence; empty unless [#needsScores]
  Weights weigh(List<Example> sequences, double[] logprobs);

  /// What the sequences of a step count, and what the step reports.
  ///
  /// @param scale what all count
  /// @param each what each counts beside that; null: 1
  /// @param loss L; null: −Σ wᵢ·sᵢ, as the training pass computes it
  /// @param figures what the step reports beside its loss, by the name in `metrics.jsonl`
  record Weights(
      double scale, double @Nullable [] each, @Nullable Double loss, Map<String, Double> figures) {}
}
