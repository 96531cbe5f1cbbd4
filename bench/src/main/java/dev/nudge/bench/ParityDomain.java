package dev.nudge.bench;

import java.util.List;

/// One domain of the parity study: a data set, the task of a pack that asks about it, and how it is
/// trained.
///
/// The prompt of training is the task's to the letter. Rows with long prompts are left out, so that
/// a run is some 75,000 tokens: all methods see the same rows.
///
/// @param task of the domain's pack
/// @param metric of the task, 0 or 1 a document
/// @param cluster the column by which the task's documents hang together; empty: each stands alone
/// @param folder of the data set
/// @param prompt pattern of `train`
/// @param completion pattern of `train`
/// @param asked columns of the prompt, whose characters are counted
/// @param characters the longest prompt
/// @param together the column whose long texts rows must not share across the division, for a set
///     with few test rows, which is divided anew; empty: it keeps its own division
/// @param trained rows to learn from
/// @param tested documents at most
/// @param epochs of a run; a pilot makes twice as many
/// @param batch rows a step
record ParityDomain(
    String name,
    String task,
    String metric,
    String cluster,
    String folder,
    String prompt,
    String completion,
    List<String> asked,
    int characters,
    String together,
    int trained,
    int tested,
    int epochs,
    int batch) {

  /// In the order of the study. The first two have the side runs, and tell epochs and warm-up.
  static final List<ParityDomain> ALL =
      List.of(
          new ParityDomain(
              "finance",
              "finance_intents",
              "exact_match",
              "",
              "finance-banking77",
              "Query: {text}\\nIntent:",
              " {label}",
              List.of("text"),
              400,
              "",
              880,
              800,
              3,
              16),
          new ParityDomain(
              "medical",
              "medical_sections",
              "acc",
              "",
              "medical-mtsdialog",
              "{dialogue}\\nSection:",
              " {section_header}",
              List.of("dialogue"),
              800,
              "",
              288,
              400,
              3,
              8),
          new ParityDomain(
              "legal",
              "legal_questions",
              "exact_match",
              "task",
              "legal-legalbench",
              "{prompt}",
              " {answer}",
              List.of("prompt"),
              1200,
              "fields",
              240,
              400,
              3,
              8),
          new ParityDomain(
              "support",
              "support_intents",
              "exact_match",
              "",
              "support-clinc150",
              "Query: {text}\\nIntent:",
              " {label}",
              List.of("text"),
              400,
              "",
              1120,
              800,
              3,
              16));

  /// The domain whose epochs and warm-up it takes: one of the same kind. Finance and support ask
  /// for
  /// one of many intents of a short query, medical and legal about a long text; legal has no row
  /// left to be judged by.
  ParityDomain tuned() {
    return ALL.get(isIntents() ? 0 : 1);
  }

  /// Whether it asks for the intent of a short query.
  boolean isIntents() {
    return task.endsWith("_intents");
  }

  /// Rows of a pilot: a tenth.
  int piloted() {
    return trained / 10;
  }
}
