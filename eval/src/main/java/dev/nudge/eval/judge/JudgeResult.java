package dev.nudge.eval.judge;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What a judge found.
///
/// @param judge the folder or the address
/// @param model that the address was asked for; null: the judge is a model of this machine
/// @param prompt the digest of what the judge was told
/// @param identity the digest of all that its verdicts depend on, as far as it is known: weights,
///     type, template and prompt of a model, address, model and prompt of a server
/// @param compared pairs of models, task by task; empty: there were none
/// @param labelled pairs that people have judged; empty: there were none
/// @param agreement with people; null likewise
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

  /// The pairs of two models on a task; empty: there are none.
  ///
  /// @param second the one that wins or loses
  public Optional<Compared> of(String task, String first, String second) {
    return compared.stream()
        .filter(one -> one.task().equals(task))
        .filter(one -> one.first().equals(first) && one.second().equals(second))
        .findFirst();
  }

  /// The answers of two models to the documents of a task.
  ///
  /// @param first the name of a model, such as `base`
  /// @param second the one that wins or loses
  /// @param judged each document
  public record Compared(
      String task, String first, String second, WinRate rate, List<Judged> judged) {
    public Compared {
      judged = List.copyOf(judged);
    }
  }
}
