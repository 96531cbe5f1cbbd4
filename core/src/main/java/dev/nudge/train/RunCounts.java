package dev.nudge.train;

import dev.nudge.format.Json;
import dev.nudge.train.checkpoint.RunCheckpoint;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The totals of a run so far, and the evaluation history that a resumed run needs.
final class RunCounts {
  static final String EXPERTS = "experts";

  private final SkippedSteps skipped;
  private int steps;
  private int updates;
  private long tokens;
  private long trainedTokens;
  private double firstLoss = Double.NaN;
  private double lastLoss = Double.NaN;
  private @Nullable Double evalBefore;
  private @Nullable Double evalBest;
  private int bestStep;
  private int sinceBest; // held-out losses
  private @Nullable ExpertUse experts;
  private boolean evaluationDue; // after the last step, not computed

  private RunCounts(SkippedSteps skipped) {
    this.skipped = skipped;
  }

  /// The counts of a new run.
  static RunCounts none() {
    return new RunCounts(new SkippedSteps());
  }

  /// The counts of a resumed run.
  static RunCounts of(RunCheckpoint checkpoint) {
    JsonNode values = checkpoint.counts();
    RunCounts counts = new RunCounts(SkippedSteps.of(values.path("skipped")));
    counts.steps = values.path("steps").asInt(0);
    counts.updates = values.path("updates").asInt(0);
    counts.tokens = values.path("tokens").asLong(0);
    counts.trainedTokens = values.path("trained_tokens").asLong(0);
    counts.firstLoss = values.path("first_loss").asDouble(Double.NaN);
    counts.lastLoss = values.path("last_loss").asDouble(Double.NaN);
    counts.evalBefore = number(values, "eval_loss_before");
    counts.evalBest = number(values, "eval_loss_best");
    counts.bestStep = values.path("best_step").asInt(0);
    counts.sinceBest = values.path("evals_since_best").asInt(0);
    counts.experts = ExpertUse.of(values.path(EXPERTS));
    counts.evaluationDue = !checkpoint.evaluated();
    return counts;
  }

  private static @Nullable Double number(JsonNode values, String key) {
    return values.path(key).isNumber() ? (Double) values.path(key).asDouble() : null;
  }

  /// The current counts, for a file.
  JsonNode values() {
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    values.put("steps", steps);
    values.put("updates", updates);
    values.put("skipped", skipped.values());
    values.put("tokens", tokens);
    values.put("trained_tokens", trainedTokens);
    values.put("first_loss", firstLoss());
    values.put("last_loss", lastLoss());
    values.put("eval_loss_before", finite(evalBefore));
    values.put("eval_loss_best", evalBest);
    values.put("best_step", bestStep);
    values.put("evals_since_best", sinceBest);
    if (experts != null) {
      values.put(EXPERTS, experts.values());
    }
    return Json.tree(values);
  }

  /// Counts a step, made or skipped.
  void take(Trainer.Result r) {
    steps++;
    evaluationDue = true; // until it is known whether it is
    skipped.take(r);
    tokens += r.tokens();
    trainedTokens += r.trainedTokens();
    ExpertUse step = r.experts();
    if (step != null) {
      experts = step.plus(experts, r.figures().get(Trainer.AUX_LOSS));
    }
    if (!r.skipped()) {
      updates++;
      firstLoss = Double.isNaN(firstLoss) ? r.loss() : firstLoss;
      lastLoss = r.loss();
    }
  }

  /// Counts a held-out loss.
  ///
  /// @return whether it is the lowest since training began
  boolean evaluated(double loss) {
    evaluationDue = false;
    if (steps == 0) {
      evalBefore = loss;
      return false;
    }
    boolean best = Double.isFinite(loss) && (evalBest == null || loss < evalBest);
    sinceBest = best ? 0 : sinceBest + 1;
    if (best) {
      evalBest = loss;
      bestStep = steps;
    }
    return best;
  }

  /// Whether the held-out loss after the last step is due and was not computed.
  boolean evaluationDue() {
    return evaluationDue;
  }

  void evaluationDue(boolean due) {
    evaluationDue = due;
  }

  /// Whether the run stops early because its held-out loss no longer improves.
  boolean endsEarly(Prepared prepared) {
    Integer patience = prepared.settings().watch().patience();
    return patience != null && sinceBest >= patience && steps < prepared.steps() && !evaluationDue;
  }

  SkippedSteps skipped() {
    return skipped;
  }

  /// Number of steps made, skipped ones included.
  int steps() {
    return steps;
  }

  /// Tokens per expert; null: no experts, or no step was made.
  @Nullable ExpertUse experts() {
    return experts;
  }

  int updates() {
    return updates;
  }

  long tokens() {
    return tokens;
  }

  long trainedTokens() {
    return trainedTokens;
  }

  @Nullable Double firstLoss() {
    return finite(firstLoss);
  }

  @Nullable Double lastLoss() {
    return finite(lastLoss);
  }

  @Nullable Double evalBefore() {
    return evalBefore;
  }

  @Nullable Double evalBest() {
    return evalBest;
  }

  /// The step of the lowest held-out loss; null: none was computed.
  @Nullable Integer bestStep() {
    return evalBest == null ? null : (Integer) bestStep;
  }

  /// Held-out losses since the lowest, or since training began if none was finite.
  int sinceBest() {
    return sinceBest;
  }

  /// Whether the held-out loss after the last step is the lowest.
  boolean isBest() {
    return evalBest != null && bestStep == steps;
  }

  private static @Nullable Double finite(@Nullable Double value) {
    return value != null && Double.isFinite(value) ? value : null;
  }
}
