package dev.nudge.settings.train;

import dev.nudge.settings.Check;
import dev.nudge.settings.Given;
import dev.nudge.settings.Group;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Schema;
import dev.nudge.settings.Setting;
import dev.nudge.settings.verb.DataShape;
import dev.nudge.settings.verb.LengthSettings;
import dev.nudge.settings.verb.ShapeSettings;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A run's objective, and the settings of each objective; names and defaults are TRL's.
///
/// @param beta strength of the pull to the reference; with orpo the weight of the odds ratio; with
///     grpo the weight of the KL, 0: none
/// @param labelSmoothing probability that a pair's label is wrong
/// @param rpoAlpha weight of the chosen answers' own loss; null: none
/// @param reference null: the initial adapter where one is given, else the base
/// @param marginColumn column with the chosen answer's margin; null: none
/// @param centerRewards weight of a penalty on rewards far from 0; null: none
/// @param rollouts completions of grpo, and their rewards
/// @param replay files of rows on which the model should match the base; empty: none
public record ObjectiveSettings(
    @Setting(
            help =
                "what is minimised: sft imitates rows; dpo, orpo and reward learn from pairs"
                    + " (prompt, chosen, rejected), kto from labelled answers (prompt, completion,"
                    + " label), grpo from rewards of completions that are sampled (prompt;"
                    + " --reward) or given (prompt, completions, rewards)",
            byDefault = "sft")
        ObjectiveName objective,
    @Setting(
            help =
                "dpo, kto: how strongly the reference holds; orpo: weight of the odds ratio; grpo:"
                    + " weight of the KL to the reference, 0: none",
            byDefault = "0.1",
            when = "objective=grpo",
            thenDefault = "0")
        double beta,
    @Setting(
            help =
                "dpo: the loss of a pair: sigmoid, hinge, ipo, robust, exo_pair, nca_pair,"
                    + " sppo_hard, aot, apo_zero or apo_down; grpo: how tokens are averaged: dapo,"
                    + " grpo, dr_grpo or bnpo",
            label = "LOSS",
            byDefault = "sigmoid",
            when = "objective=grpo",
            thenDefault = "dapo")
        LossType lossType,
    @Setting(
            help = "dpo with robust, exo_pair or aot: share of pairs whose labels are wrong",
            byDefault = "0")
        double labelSmoothing,
    @Setting(help = "dpo: weight of the chosen answers' own loss (default: none)")
        @Nullable Double rpoAlpha,
    @Setting(
            help =
                "dpo, kto, grpo: what the model is measured against (default: init-adapter where"
                    + " one is given, else the base)")
        @Nullable ReferenceModel reference,
    @Setting(help = "kto: weight of the good answers", byDefault = "1") double desirableWeight,
    @Setting(help = "kto: weight of the bad answers", byDefault = "1") double undesirableWeight,
    @Setting(
            help = "reward: column that says by how much the chosen answer is better",
            label = "COLUMN")
        @Nullable String marginColumn,
    @Setting(
            help =
                "reward: weight of a penalty on rewards far from 0, such as 0.01 (default: none)")
        @Nullable Double centerRewards,
    @Group("Objective") RolloutSettings rollouts,
    @Setting(
            help =
                "file of rows on which the model stays near the base (KL), so that what it knew"
                    + " stays, or default: general rows that ship; may be given several times",
            label = "FILE|default")
        List<String> replay,
    @Setting(help = "weight of that KL", byDefault = "0.5") double replayWeight) {

  private static final Schema<ObjectiveSettings> SCHEMA = Schema.of(ObjectiveSettings.class);
  private static final Map<String, @Nullable Object> DEFAULTS = SCHEMA.values(SCHEMA.of(Map.of()));

  public ObjectiveSettings {
    replay = List.copyOf(replay);
    replay.forEach(file -> Check.notBlank("--replay", file));
    if (objective.reference() == ObjectiveName.Reference.ABOVE_BETA_0) {
      Check.notNegative("--beta", beta);
    } else {
      Check.positive("--beta", beta);
    }
    Check.notNegative("--label-smoothing", labelSmoothing);
    Check.positive("--rpo-alpha", rpoAlpha);
    Check.positive("--desirable-weight", desirableWeight);
    Check.positive("--undesirable-weight", undesirableWeight);
    Check.notBlank("--margin-column", marginColumn);
    Check.positive("--center-rewards", centerRewards);
    Check.positive("--replay-weight", replayWeight);
    checkSmoothing(lossType, labelSmoothing);
    boolean groups = objective.groups();
    if (lossType.ofGroups() != groups && objective.settings().contains("loss_type")) {
      throw new InputException(
          "--loss-type %s is given with --objective %s, which has %s"
              .formatted(
                  lossType,
                  objective.shown(),
                  Arrays.stream(LossType.values())
                      .filter(type -> type.ofGroups() == groups)
                      .map(LossType::toString)
                      .collect(Collectors.joining(", "))));
    }
  }

  private static void checkSmoothing(LossType lossType, double labelSmoothing) {
    if (labelSmoothing > 0 && !lossType.smooths()) {
      throw new InputException(
          "--label-smoothing %s is given with --loss-type %s, which has no use for it; robust, exo_pair and aot have"
              .formatted(Check.number(labelSmoothing), lossType));
    }
    if (lossType == LossType.EXO_PAIR && labelSmoothing == 0) {
      throw new InputException(
          "--loss-type exo_pair needs --label-smoothing above 0; 1e-3 is a usual value");
    }
    double below = lossType == LossType.ROBUST ? 0.5 : 1;
    if (labelSmoothing >= below) {
      throw Check.wrong(
          "--label-smoothing",
          labelSmoothing,
          "below " + Check.number(below) + " with " + lossType);
    }
  }

  /// Whether log-probabilities of a reference model are needed.
  public boolean hasReference() {
    return switch (objective.reference()) {
      case NONE -> false;
      case ROWS, MISMATCHED_TOO -> true;
      case ABOVE_BETA_0 -> beta > 0;
    };
  }

  /// The model that preferences are measured against.
  public ReferenceModel measuredAgainst(LoraSettings lora) {
    return reference != null
        ? reference
        : lora.initAdapter() == null ? ReferenceModel.BASE : ReferenceModel.INIT_ADAPTER;
  }

  /// Refuses settings that the objective does not use or cannot combine with.
  ///
  /// @param completion pattern of the completion; null: none
  void check(
      Given given,
      LoraSettings lora,
      LengthSettings length,
      ShapeSettings shape,
      @Nullable String completion,
      int batchSize) {
    SCHEMA
        .values(this)
        .forEach(
            (key, value) -> {
              boolean used =
                  objective.settings().contains(key)
                      || Arrays.stream(ObjectiveName.values())
                          .noneMatch(o -> o.settings().contains(key));
              if (!used && given.contains(key) && !Objects.equals(value, DEFAULTS.get(key))) {
                throw unused("--" + key.replace('_', '-'), "which has no use for it");
              }
            });
    checkReplay(given, lora);
    DataShape named = shape.shape();
    if (named != null && !objective.takes(named)) {
      throw unused("--shape " + named.shown(), "whose rows are " + objective.rows().columns());
    }
    if (!objective.compares()) {
      return;
    }
    if (length.split() || length.concatenate()) {
      throw unused(length.split() ? "--split" : "--concatenate", "whose answers stay whole");
    }
    if (completion != null && objective.rows() != ObjectiveName.Rows.LABELLED) {
      throw unused("--completion", "whose rows are " + objective.rows().columns());
    }
    if (lora.dropout() > 0) {
      throw unused(
          "--dropout " + Check.number(lora.dropout()), "which compares answers without dropout");
    }
    if (objective.givesScores() && lora.method() == Method.FULL) {
      throw unused("--method full", "which trains an adapter with a score head");
    }
    if (objective.mismatches() && batchSize < 2) {
      throw new InputException(
          "--batch-size is 1; with --objective kto it must be at least 2: answers are compared with"
              + " those of the rows beside them");
    }
    if (reference == ReferenceModel.INIT_ADAPTER && lora.initAdapter() == null) {
      throw new InputException(
          "--reference init-adapter is given without --init-adapter; add it, or leave the reference"
              + " out");
    }
  }

  private void checkReplay(Given given, LoraSettings lora) {
    if (replay.isEmpty()) {
      boolean usual = Objects.equals(replayWeight, DEFAULTS.get("replay_weight"));
      if (given.contains("replay_weight") && !usual) {
        throw new InputException("--replay-weight is given without --replay; add it");
      }
      return;
    }
    if (lora.method() == Method.FULL) {
      throw new InputException(
          "--replay is given with --method full, which keeps no base to stay near; leave one out");
    }
    if (objective.givesScores()) {
      throw unused("--replay", "which trains no next token");
    }
  }

  private InputException unused(String flag, String why) {
    return new InputException(
        "%s is given with --objective %s, %s; leave one out"
            .formatted(flag, objective.shown(), why));
  }
}
