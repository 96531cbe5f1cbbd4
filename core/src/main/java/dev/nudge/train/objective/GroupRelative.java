package dev.nudge.train.objective;

import dev.nudge.data.tokens.Example;
import dev.nudge.settings.train.LossType;
import dev.nudge.settings.train.ScaleRewards;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// Group relative policy optimisation [1], as TRL's GRPOTrainer: completions of a prompt, rewarded
/// relative to the others of its group.
///
/// With R the reward of a completion, its advantage is A = (R − mean of the group) / (s + 1e-4), s
/// the deviation of the group or of all rewards of the step; undivided A = R − mean. With ρ the
/// probability of a token over the one it had in the first step on this batch, g its
/// log-probability by the reference over the present one, a token's loss is
///
///     v = −min(ρ·A, clip(ρ, 1−ε, 1+ε)·A) + β·ρ·(e^g − g − 1)
///
/// and the loss of a step, over C completions:
///
/// ```
/// dapo, bnpo  Σ v / tokens of all completions
/// grpo        mean over completions of the mean of v
/// dr_grpo     Σ v / (C · most tokens of a completion)
/// ```
///
/// In the first step on a batch ρ is 1, so ε has no effect, and without β the loss is the same for
/// any weights: only its gradient depends on them. A completion whose reward failed (NaN) is
/// ignored.
///
/// [1] Shao et al., arXiv:2402.03300; DAPO: arXiv:2503.14476; Dr. GRPO: arXiv:2503.20783.
///
/// @param beta β; 0: no reference
/// @param clip ε
/// @param group completions of a prompt
/// @param most tokens of a completion that may be sampled
/// @param offline whether the rows hold the completions: their reference is then scored once
public record GroupRelative(
    LossType type,
    double beta,
    double clip,
    ScaleRewards scale,
    int iterations,
    double temperature,
    int group,
    int most,
    boolean offline)
    implements Objective {
  public static final String REWARD = "reward";
  static final String REWARD_STD = "reward_std";
  public static final String COMPLETION_TOKENS = "completion_tokens";
  static final String CLIP_RATIO = "clip_ratio";

  /// The share of groups whose rewards are all equal.
  public static final String CONSTANT = "constant_groups";

  /// Completions whose reward failed.
  public static final String FAILED = "failed_rewards";

  private static final double LEAST = 1e-4; // added to a deviation

  @Override
  public String name() {
    return "grpo";
  }

  @Override
  public boolean needsScores() {
    return iterations > 1 || beta > 0;
  }

  @Override
  public boolean needsReference() {
    return offline && beta > 0;
  }

  @Override
  public boolean tokenwise() {
    return true;
  }

  @Override
  public Weights weigh(Scored step) {
    List<Example> sequences = step.sequences();
    double[] rewards = sequences.stream().mapToDouble(Example::value).toArray();
    double[] advantages = advantages(rewards);
    int tokens = sequences.stream().mapToInt(Example::trainedTokens).sum();
    long counted = counted(sequences).mapToLong(i -> sequences.get(i).trainedTokens()).sum();
    long completions = counted(sequences).count();
    double[] each = new double[tokens];
    double loss = 0;
    double kl = 0;
    double clipped = 0;
    int at = 0;
    for (int i = 0; i < rewards.length; i++) {
      int own = sequences.get(i).trainedTokens();
      if (Double.isNaN(rewards[i])) {
        at += own;
        continue;
      }
      double share = share(own, counted, completions);
      for (int end = at + own; at < end; at++) {
        Token token = token(step, at, advantages[i]);
        loss += share * token.loss;
        each[at] = -share * token.slope;
        kl += token.kl / Math.max(1, counted);
        clipped += (double) token.clipped / Math.max(1, counted);
      }
    }
    return new Weights(1, each, null, loss, figures(step, rewards, counted, kl, clipped));
  }

  /// A completion token's loss weight.
  ///
  /// @param own tokens of the completion
  /// @param counted tokens of all
  private double share(int own, long counted, long completions) {
    return switch (type) {
      case GRPO -> 1.0 / (Math.max(1, own) * completions);
      case DR_GRPO -> 1.0 / ((double) completions * most);
      default -> 1.0 / Math.max(1, counted);
    };
  }

  /// The loss of held-out groups, −Σ A·log p with the shares of training: the lower, the likelier
  /// their better completions are. The loss of training would be the same for any weights.
  ///
  /// @param losses −log p of each completion, summed over its tokens
  public double heldOut(List<Example> sequences, double[] losses) {
    double[] advantages = advantages(sequences.stream().mapToDouble(Example::value).toArray());
    long counted = counted(sequences).mapToLong(i -> sequences.get(i).trainedTokens()).sum();
    long completions = counted(sequences).count();
    return counted(sequences)
        .mapToDouble(
            i -> {
              int own = sequences.get(i).trainedTokens();
              return share(own, counted, completions) * advantages[i] * losses[i];
            })
        .sum();
  }

  private static IntStream counted(List<Example> sequences) {
    return IntStream.range(0, sequences.size())
        .filter(i -> !Double.isNaN(sequences.get(i).value()));
  }

  /// A token's v, its derivative by the log-probability, ρ·k3, and 1 where it is clipped.
  private record Token(double loss, double slope, double kl, int clipped) {}

  private Token token(Scored step, int at, double advantage) {
    double[] earlier = step.earlier();
    double ratio = earlier == null ? 1 : Math.exp(step.logprobs()[at] - earlier[at]);
    boolean out = advantage > 0 ? ratio > 1 + clip : advantage < 0 && ratio < 1 - clip;
    double loss = -advantage * (out ? advantage > 0 ? 1 + clip : 1 - clip : ratio);
    double slope = out ? 0 : -advantage * ratio;
    if (beta == 0) {
      return new Token(loss, slope, 0, out ? 1 : 0);
    }
    double g = step.reference()[at] - step.logprobs()[at];
    double kl = ratio * (Math.expm1(g) - g);
    return new Token(loss + beta * kl, slope - beta * ratio * g, kl, out ? 1 : 0);
  }

  private double constant(double[] rewards) {
    int constant = 0;
    for (int from = 0; from < rewards.length; from += group) {
      int to = Math.min(rewards.length, from + group);
      constant += deviation(Arrays.copyOfRange(rewards, from, to)) == 0 ? 1 : 0;
    }
    return (double) constant / Math.ceilDiv(rewards.length, group);
  }

  /// The advantage of each completion; 0 if its reward failed (NaN).
  public double[] advantages(double[] rewards) {
    double[] advantages = new double[rewards.length];
    double all = deviation(rewards);
    for (int from = 0; from < rewards.length; from += group) {
      double[] own = Arrays.copyOfRange(rewards, from, Math.min(rewards.length, from + group));
      double mean = mean(own);
      double divisor =
          switch (scale) {
            case GROUP -> deviation(own) + LEAST;
            case BATCH -> all + LEAST;
            case NONE -> 1;
          };
      for (int i = 0; i < own.length; i++) {
        advantages[from + i] = Double.isNaN(own[i]) ? 0 : (own[i] - mean) / divisor;
      }
    }
    return advantages;
  }

  private static double mean(double[] rewards) {
    DoubleSummaryStatistics all =
        Arrays.stream(rewards).filter(r -> !Double.isNaN(r)).summaryStatistics();
    // equal rewards have an exact mean, so that advantages are 0
    return all.getMin() == all.getMax() ? all.getMin() : all.getAverage();
  }

  /// The sample deviation; 0 of fewer than two.
  private static double deviation(double[] rewards) {
    double mean = mean(rewards);
    double[] there = Arrays.stream(rewards).filter(r -> !Double.isNaN(r)).toArray();
    double squares = Arrays.stream(there).map(r -> (r - mean) * (r - mean)).sum();
    return there.length < 2 ? 0 : Math.sqrt(squares / (there.length - 1));
  }

  /// Rewards and lengths are those of new completions, as TRL logs them: null in later steps on
  /// the same batch.
  private Map<String, Double> figures(
      Scored step, double[] rewards, long tokens, double kl, double clipped) {
    boolean fresh = step.earlier() == null;
    long there = Arrays.stream(rewards).filter(r -> !Double.isNaN(r)).count();
    Map<String, Double> figures = new LinkedHashMap<>();
    figures.put(REWARD, fresh && there > 0 ? mean(rewards) : Double.NaN);
    figures.put(REWARD_STD, fresh && there > 0 ? deviation(rewards) : Double.NaN);
    figures.put(COMPLETION_TOKENS, fresh ? (double) tokens / there : Double.NaN);
    figures.put(CONSTANT, fresh ? constant(rewards) : Double.NaN);
    if (!offline) {
      figures.put(FAILED, fresh ? (double) rewards.length - there : Double.NaN);
    }
    if (beta > 0) {
      figures.put(Objectives.KL, kl);
    }
    if (iterations > 1) {
      figures.put(CLIP_RATIO, clipped);
    }
    return figures;
  }
}
