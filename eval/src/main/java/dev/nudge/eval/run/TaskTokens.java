package dev.nudge.eval.run;

import dev.nudge.eval.run.Answers.Encoded;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.List;

/// The tokenized requests of a task, document by document.
///
/// @param fromBase texts for the KL divergence from the base; may be empty
record TaskTokens(ReadyTask ready, List<List<Encoded>> requests, List<Encoded> fromBase) {

  List<Encoded> all() {
    return requests.stream().flatMap(List::stream).toList();
  }

  /// Tokenizes the requests of a task.
  ///
  /// @throws InputException in one line, if a request has no token to score or is too long
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
