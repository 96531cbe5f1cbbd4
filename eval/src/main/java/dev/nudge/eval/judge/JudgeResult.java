package dev.nudge.eval.judge;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// The result of judging an evaluation.
///
/// @param judge the model folder or the URL
/// @param model model name at the URL; null for a local model
/// @param prompt digest of the judge's prompt
/// @param identity digest of everything known that the verdicts depend on: weights, type, template
///     and prompt of a local model; address, model and prompt of a server
/// @param compared pairwise comparisons, task by task; may be empty
/// @param labelled human-labelled pairs with verdicts; may be empty
/// @param agreement agreement with the human labels; null without labels
public record JudgeResult(
    String judge,
    @Nullable String model,
    String prompt,
    String identity,
    List<Compared> compared,
    List<Agreement.Labelled> labelled,
    @Nullable Agreement agreement) {

  public JudgeResult {
    compared = List.copyOf(compared);
    labelled = List.copyOf(labelled);
  }

  /// Returns the comparison of two models on a task; empty if there is none.
  ///
  /// @param second the model whose wins are counted
  public Optional<Compared> of(String task, String first, String second) {
    return compared.stream()
        .filter(one -> one.task().equals(task))
        .filter(one -> one.first().equals(first) && one.second().equals(second))
        .findFirst();
  }

  /// The comparison of two models' answers on one task.
  ///
  /// @param first model name, such as `base`
  /// @param second the model whose wins are counted
  /// @param judged one pair per document
  public record Compared(
      String task, String first, String second, WinRate rate, List<Judged> judged) {
    public Compared {
      judged = List.copyOf(judged);
    }
  }
}
