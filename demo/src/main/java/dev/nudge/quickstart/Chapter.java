package dev.nudge.quickstart;

import com.fasterxml.jackson.annotation.JsonValue;
import dev.nudge.eval.Paired;
import dev.nudge.merge.Merged;
import dev.nudge.plan.Footprint;
import dev.nudge.plan.Plan;
import dev.nudge.train.TrainEvent;
import dev.nudge.world.Score;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Tells what happens in a quickstart, in order: that a stage begins, how it goes on, what came of
/// it.
///
/// Threading: told one at a time; [Answered] comes from a thread of the generation.
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
  /// @param bytes of the model's weights on disk
  /// @param rows to train on
  /// @param cases held out
  record Opened(String model, long parameters, long bytes, int rows, int cases)
      implements Chapter {}

  /// A stage begins.
  record Begun(Stage stage) implements Chapter {}

  /// A number of held-out cases are answered.
  record Answered(int done, int of) implements Chapter {}

  /// An event of the training run.
  record Trains(TrainEvent event) implements Chapter {}

  /// Something the user should know, one line.
  record Warned(String line) implements Chapter {}

  /// The base's answers.
  ///
  /// @param shots solved cases shown before each
  record Base(int shots, Score score, double seconds) implements Chapter {}

  /// The run that will be trained, told before its first step.
  ///
  /// @param doubleQuant whether the scales of the base's NF4 are quantised too
  /// @param trained numbers that train
  /// @param all those and the base's
  record Ready(
      int rows, long tokens, int steps, int rank, boolean doubleQuant, long trained, long all)
      implements Chapter {}

  /// The training has ended; what its steps add up to.
  ///
  /// @param firstStepSeconds from the beginning of the stage, files read and model loaded, to the
  ///     end of the first optimiser step
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

  /// The adapter's answers to the same cases, without solved ones before them.
  ///
  /// @param against the base first, the adapter second
  record Adapted(Score score, Paired against, double seconds) implements Chapter {}

  /// Answers to the same prompts without and with the adapter.
  record Samples(List<Sample> samples, double seconds) implements Chapter {
    public Samples {
      samples = List.copyOf(samples);
    }
  }

  /// One prompt with the answers of the base and of the adapter.
  ///
  /// @param right whether the adapter's answer is exact
  record Sample(String message, String off, String on, boolean right) {}

  /// The merge and its check against base + adapter.
  ///
  /// @param seconds of the stage, the preparing included
  record Merges(Merged merged, double seconds) implements Chapter {

    /// What a report says of it: nothing of folders, which may be gone.
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

  /// Sizes on disk, and memory as the plan has it.
  ///
  /// @param adapterBytes on disk
  /// @param full what training all weights on the same rows takes; null where they cannot be
  ///     trained
  /// @param peakMb most resident memory of this process, mapped files included, in MiB; null where
  ///     it cannot be read
  record Sizes(
      long modelBytes,
      long adapterBytes,
      Need qlora,
      @Nullable Need full,
      @Nullable Double peakMb,
      double seconds)
      implements Chapter {}

  /// Bytes of a run as planned.
  ///
  /// @param frozen weights that do not train
  /// @param trained numbers that train: masters, copies, gradients, optimiser
  /// @param passes activations, scratch, weights packed for products
  /// @param runtime JVM, natives, tokenizer
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
