package dev.nudge.settings.train;

import dev.nudge.settings.SettingType;
import dev.nudge.settings.verb.DataShape;
import java.util.Arrays;
import java.util.Set;

/// The objective that a run minimises, and its needs; names follow TRL's trainers.
///
/// An objective is a value here and a class in `train.objective`. All other code asks for a trait,
/// never for a name, so a new objective changes none of it.
public enum ObjectiveName {
  /// Supervised fine-tuning: cross-entropy of the trained tokens.
  SFT(Rows.TEXTS, Reference.NONE, Reads.TRAINED_TOKENS, Set.of()),
  /// Direct preference optimisation: chosen answers against rejected ones, with a reference.
  DPO(
      Rows.PAIRS,
      Reference.ROWS,
      Reads.TRAINED_TOKENS,
      Set.of("beta", "loss_type", "label_smoothing", "rpo_alpha", "reference")),
  /// Kahneman-Tversky optimisation: single answers, each labelled good or bad.
  KTO(
      Rows.LABELLED,
      Reference.MISMATCHED_TOO,
      Reads.TRAINED_TOKENS,
      Set.of("beta", "reference", "desirable_weight", "undesirable_weight")),
  /// Odds-ratio preference optimisation: pairs without a reference.
  ORPO(Rows.PAIRS, Reference.NONE, Reads.WHOLE_TEXT, Set.of("beta")),
  /// A reward model: a score head that ranks the chosen answer higher.
  REWARD(Rows.PAIRS, Reference.NONE, Reads.SCORE, Set.of("margin_column", "center_rewards")),
  /// Group relative policy optimisation: completions of a prompt against each other, by rewards.
  GRPO(
      Rows.GROUPS,
      Reference.ABOVE_BETA_0,
      Reads.TRAINED_TOKENS,
      Set.of(
          "beta",
          "loss_type",
          "reference",
          "generations",
          "max_completion",
          "temperature",
          "scale_rewards",
          "iterations",
          "reward",
          "reward_jar"));

  /// A row's content.
  public enum Rows {
    /// A text to imitate.
    TEXTS("prompt and completion, messages or text"),
    /// A chosen and a rejected answer.
    PAIRS("prompt, chosen and rejected"),
    /// One answer that is good or bad.
    LABELLED("prompt, completion and label"),
    /// Completions with rewards, or a prompt whose completions are sampled.
    GROUPS("prompt, or prompt, completions and rewards");

    private final String columns;

    Rows(String columns) {
      this.columns = columns;
    }

    /// Its columns, for messages.
    public String columns() {
      return columns;
    }

    private static Rows of(DataShape shape) {
      return switch (shape) {
        case PREFERENCE -> PAIRS;
        case UNPAIRED_PREFERENCE -> LABELLED;
        case GROUP, PROMPT_ONLY -> GROUPS;
        case MESSAGES, SHAREGPT, ALPACA, PROMPT_COMPLETION, TEXT -> TEXTS;
      };
    }
  }

  /// Rows that a reference scores.
  public enum Reference {
    /// Nothing.
    NONE,
    /// All rows.
    ROWS,
    /// All rows, and in each step each prompt with another row's answer, which estimates the KL.
    MISMATCHED_TOO,
    /// All rows, unless beta is 0.
    ABOVE_BETA_0
  }

  /// The loss's input from a sequence.
  public enum Reads {
    /// Log-probabilities of the trained tokens.
    TRAINED_TOKENS,
    /// Log-probabilities of the prompt's tokens, too.
    WHOLE_TEXT,
    /// The score head's output at the last token.
    SCORE
  }

  private final Rows rows;
  private final Reference reference;
  private final Reads reads;
  private final Set<String> settings;

  ObjectiveName(Rows rows, Reference reference, Reads reads, Set<String> settings) {
    this.rows = rows;
    this.reference = reference;
    this.reads = reads;
    this.settings = settings;
  }

  /// The first objective with such rows.
  public static ObjectiveName of(Rows rows) {
    return Arrays.stream(values()).filter(o -> o.rows == rows).findFirst().orElseThrow();
  }

  /// Its name as a user writes it: `dpo`.
  public String shown() {
    return SettingType.written(this);
  }

  public Rows rows() {
    return rows;
  }

  public Reference reference() {
    return reference;
  }

  /// Keys of this objective's settings that not all objectives have.
  public Set<String> settings() {
    return settings;
  }

  /// Whether a row is a pair of a chosen and a rejected answer.
  public boolean pairs() {
    return rows == Rows.PAIRS;
  }

  /// Whether a row is a group of completions, given or sampled, and steps are clipped ratios.
  public boolean groups() {
    return rows == Rows.GROUPS;
  }

  /// Whether rows are preferences, not texts to imitate.
  public boolean compares() {
    return rows != Rows.TEXTS;
  }

  /// Whether it reads rows of this shape.
  public boolean takes(DataShape shape) {
    return rows == Rows.of(shape);
  }

  /// Whether steps also score each prompt with another row's answer.
  public boolean mismatches() {
    return reference == Reference.MISMATCHED_TOO;
  }

  /// Whether the model returns a score instead of text.
  public boolean givesScores() {
    return reads == Reads.SCORE;
  }

  /// Whether the answers of a row share their prompt's pass, whose tokens are not in the loss.
  public boolean sharesPrompts() {
    return (pairs() || groups()) && reads == Reads.TRAINED_TOKENS;
  }
}
