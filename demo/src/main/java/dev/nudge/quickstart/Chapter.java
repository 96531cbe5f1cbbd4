package dev.nudge.quickstart;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.nudge.eval.Paired;
import dev.nudge.merge.Merged;
import dev.nudge.plan.Footprint;
import dev.nudge.plan.Plan;
import dev.nudge.train.events.TrainEvent;
import dev.nudge.world.Score;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// An event of a quickstart: a stage begins, progress, or the result of a stage.
///
/// Threading: delivered one at a time; [Answered] comes from a thread of the generation.
public sealed interface Chapter {
  /// The stages of a quickstart in their order.
  enum Stage {
    BASE,
    TRAINING,
    ADAPTER,
    SAMPLES,
    MERGE,
    SIZES
  }

  /// The model is loaded and the rows are drawn.
  ///
  /// @param bytes size of the model's weights on disk
  /// @param rows training rows
  /// @param cases held-out cases
  record Opened(String model, long parameters, long bytes, int rows, int cases)
      implements Chapter {}

  /// A stage begins.
  record Begun(Stage stage) implements Chapter {}

  /// Progress of answering the held-out cases.
  record Answered(int done, int of) implements Chapter {}

  /// An event of the training run.
  record Trains(TrainEvent event) implements Chapter {}

  /// A warning for the user, one line.
  record Warned(String line) implements Chapter {}

  /// The score of the base model.
  ///
  /// @param shots few-shot examples in each prompt
  record Base(int shots, Score score, double seconds) implements Chapter {}

  /// The planned training run, reported before its first step.
  ///
  /// @param doubleQuant whether the base's NF4 scales are quantized too
  /// @param trained number of trainable parameters
  /// @param all number of all parameters
  record Ready(
      int rows, long tokens, int steps, int rank, boolean doubleQuant, long trained, long all)
      implements Chapter {}

  /// The finished training run, totals over its steps.
  ///
  /// @param firstStepSeconds from the beginning of the stage (reading files and loading the model
  ///     included) to the end of the first optimizer step
  record Trained(
      Ready run,
      int steps,
      long tokens,
      long trainedTokens,
      double firstLoss,
      double lastLoss,
      double firstStepSeconds,
      double seconds)
      implements Chapter {}

  /// The score of the adapter on the same cases, zero-shot.
  ///
  /// @param against paired comparison, the base first, the adapter second
  record Adapted(Score score, Paired against, double seconds) implements Chapter {}

  /// Sample answers to equal prompts without and with the adapter.
  record Samples(List<Sample> samples, double seconds) implements Chapter {
    public Samples {
      samples = List.copyOf(samples);
    }
  }

  /// One prompt with the answers of the base and of the adapter.
  ///
  /// @param right whether the adapter's answer is exact
  record Sample(String message, String off, String on, boolean right) {}

  /// The merge of the adapter and the check of the merged folder against base + adapter.
  ///
  /// @param seconds duration of the stage, preparation included
  record Merges(Merged merged, double seconds) implements Chapter {

    /// Returns the merge for a report, without folders, which may be deleted.
    @JsonValue
    public Map<String, Object> shown() {
      Map<String, Object> shown = new LinkedHashMap<>();
      shown.put("accepted", merged.accepted());
      shown.put("bytes", merged.bytes());
      shown.put("tokens", merged.difference().tokens());
      shown.put("kl", merged.difference().kl());
      shown.put("tolerance", merged.tolerance());
      shown.put("max_logit_difference", merged.difference().maxLogitDifference());
      shown.put("perplexity", merged.difference().perplexity());
      shown.put("merged_perplexity", merged.difference().mergedPerplexity());
      shown.put("seconds", seconds);
      return shown;
    }
  }

  /// Sizes on disk, and planned and measured memory.
  ///
  /// @param adapterBytes size of the adapter on disk
  /// @param full memory of full fine-tuning on the same rows; null if the weights cannot be
  ///     trained
  /// @param peakMb peak resident memory of this process, mapped files included, in MiB; null:
  ///     unknown
  record Sizes(
      long modelBytes,
      long adapterBytes,
      Need qlora,
      @Nullable Need full,
      @Nullable Double peakMb,
      double seconds)
      implements Chapter {}

  /// Planned memory of a training run, in bytes.
  ///
  /// @param frozen frozen weights
  /// @param trained trainable parameters: master weights, copies, gradients, optimizer state
  /// @param passes activations, workspace, weights packed for matrix products
  /// @param runtime JVM, native libraries, tokenizer
  record Need(long frozen, long trained, long passes, long runtime, long total) {
    static Need of(Plan plan) {
      Footprint f = plan.footprint();
      long total = plan.totalBytes() + f.mapped() + f.paged();
      long frozen = f.weights().held() + f.mapped();
      long trained = f.masters() + f.working() + f.gradients() + f.optimizer() + f.paged();
      return new Need(frozen, trained, total - frozen - trained - f.runtime(), f.runtime(), total);
    }
  }
}
