package dev.nudge.train.objective;

import dev.nudge.data.Dataset;
import dev.nudge.data.tokens.Example;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A training objective: defines the loss by weighting the sequences of a step.
///
/// Let `s` be a sequence's log-probability: the sum over its labelled tokens, each times its loss
/// weight. For a reward model, `s` is the reward. A loss L of a step's sequences has the gradient
///
///     ∂L/∂θ = Σ ∂L/∂sᵢ · ∂sᵢ/∂θ
///
/// and training with constant weights w has the gradient of −Σ wᵢ·sᵢ. So with wᵢ = −∂L/∂sᵢ a step
/// descends any L with one backward pass. Weights that depend on `s` first need a forward pass
/// without dropout over the whole step; therefore sequences that L compares may be in different
/// micro-batches.
///
/// An objective may weigh each labelled token instead ([#tokenwise]): `s` is then the
/// log-probability of a token, and all lists of numbers have one for each labelled token of the
/// first sequence, then of the next.
///
/// Threading: called between passes, by the thread that runs the steps.
public interface Objective {
  /// Supervised fine-tuning: mean negative log-likelihood (cross-entropy) of a step's labelled
  /// tokens, with constant weights.
  Objective SUPERVISED =
      new Objective() {
        @Override
        public String name() {
          return "sft";
        }

        @Override
        public boolean needsScores() {
          return false;
        }

        @Override
        public Weights weigh(Scored step) {
          long trained = step.sequences().stream().mapToLong(Example::trainedTokens).sum();
          return new Weights(1.0 / Math.max(1, trained), null, null, null, Map.of());
        }
      };

  /// Its name in `run.json`. A run resumes only by an objective of its name.
  default String name() {
    return getClass().getName();
  }

  /// Whether weights depend on log-probabilities, which cost a forward pass before each step.
  boolean needsScores();

  /// Whether weights depend on the reference's log-probabilities, which are computed once, before
  /// the first step.
  default boolean needsReference() {
    return false;
  }

  /// Whether it weighs each labelled token, not each sequence.
  default boolean tokenwise() {
    return false;
  }

  /// Optimiser steps on each batch; later steps reuse the first one's log-probabilities.
  default int iterations() {
    return 1;
  }

  /// Divides the logits before log-probabilities are taken.
  default double temperature() {
    return 1;
  }

  /// Whether the whole text of a sequence counts beside its labelled tokens, prompt included.
  ///
  /// @param place of the sequence in its step
  default boolean countsText(int place) {
    return false;
  }

  /// Returns sequences that are scored with those of a step and not trained: none, or as many.
  default List<Example> beside(List<Example> sequences) {
    return List.of();
  }

  /// The most tokens of a sequence that [#beside] may make of these rows; 0: none.
  default int longestBeside(Dataset rows) {
    return 0;
  }

  /// Weighs the sequences of a step.
  Weights weigh(Scored step);

  /// The sequences of a step with their log-probabilities.
  ///
  /// @param logprobs `s` of each sequence, then of each one [#beside]; empty unless [#needsScores]
  /// @param texts log-probability of all tokens but the first of sequences whose text counts
  /// @param reference `s` by the reference, as `logprobs`; empty unless [#needsReference]
  /// @param earlier `logprobs` of the first step on this batch; null: this is the first
  record Scored(
      List<Example> sequences,
      double[] logprobs,
      double[] texts,
      double[] reference,
      double @Nullable [] earlier) {
    /// Sequences of the first step on a batch.
    Scored(List<Example> sequences, double[] logprobs, double[] texts, double[] reference) {
      this(sequences, logprobs, texts, reference, null);
    }

    /// Sequences without scores.
    public static Scored of(List<Example> sequences) {
      return new Scored(sequences, new double[0], new double[0], new double[0]);
    }

    /// Log-probability over that of the reference.
    double ratio(int place) {
      return logprobs[place] - reference[place];
    }
  }

  /// The weights of a step's sequences, and the metrics of the step.
  ///
  /// @param scale common factor of all weights
  /// @param each additional factor of each sequence, or token ([#tokenwise]); null: 1
  /// @param texts additional weight of all tokens but the first of each sequence; null: 0
  /// @param loss L; null: −Σ wᵢ·sᵢ, as the training pass computes it
  /// @param figures metrics besides the loss, by their names in `metrics.jsonl`, where they
  ///     replace no other key; NaN: null there
  record Weights(
      double scale,
      double @Nullable [] each,
      double @Nullable [] texts,
      @Nullable Double loss,
      Map<String, Double> figures) {}
}
