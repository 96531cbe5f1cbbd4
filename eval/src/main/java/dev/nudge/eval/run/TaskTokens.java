package dev.nudge.eval.run;

import dev.nudge.eval.run.Answers.Encoded;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;

/// The requests of a task as tokens, document by document.
///
/// @param fromBase the texts of which is asked how far they are from the base; empty: of none
record TaskTokens(ReadyTask ready, List<List<Encoded>> requests, List<Encoded> fromBase) {

  List<Encoded> all() {
    return requests.stream().flatMap(List::stream).toList();
  }

  /// Makes tokens of the requests of a task.
  ///
  /// @throws InputException in one line, where a request has none to score or is too long
  static TaskTokens of(ReadyTask ready, RequestTokens encoder) {
    List<List<Encoded>> all = new ArrayList<>();
    for (Sample sample : ready.samples()) {
      List<Encoded> own = new ArrayList<>();
      for (TaskRequest request : sample.requests()) {
        try {
          own.add(Answers.encoded(request, encoder));
        } catch (InputException | IllegalArgumentException e) {
          throw new InputException(
              "%s, document %s: %s"
                  .formatted(ready.task().config().place(), sample.id(), e.getMessage()),
              e);
        }
      }
      all.add(own);
    }
    boolean compared = ready.metrics().stream().anyMatch(Metric::isFromBase);
    List<Encoded> fromBase =
        compared ? all.stream().map(own -> Answers.fromBase(own.getFirst())).toList() : List.of();
    return new TaskTokens(ready, all, fromBase);
  }
}
