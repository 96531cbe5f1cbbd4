package dev.nudge.generate;

import dev.nudge.data.PromptRow;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A cell of a confusion matrix: how many rows expect one answer and got another. Blanks around
/// both are ignored.
///
/// @param expected the answer that the rows expect
/// @param answer the answer that they got, if it is some row's expected one; null: another text
public record Confusion(String expected, @Nullable String answer, long rows) {
  /// Most distinct expected answers for which a confusion matrix is made.
  public static final int MOST = 20;

  private record Pair(String expected, @Nullable String answer) {}

  /// Counts all rows, most first.
  ///
  /// @param questions of all rows
  /// @param answers of some of them; the others are answered as they expect
  /// @return null where rows expect more than [#MOST] answers
  static @Nullable List<Confusion> of(List<PromptRow> questions, List<RowAnswers.Row> answers) {
    Set<String> expected = new HashSet<>();
    questions.forEach(question -> expected.add(question.expected().strip()));
    if (expected.size() > MOST) {
      return null;
    }
    Map<Integer, String> given = new HashMap<>();
    answers.forEach(row -> given.put(row.index(), row.answer().strip()));
    Map<Pair, Long> counts = new HashMap<>();
    for (PromptRow question : questions) {
      String wanted = question.expected().strip();
      String answer = given.getOrDefault(question.index(), wanted);
      counts.merge(new Pair(wanted, expected.contains(answer) ? answer : null), 1L, Long::sum);
    }
    return counts.entrySet().stream()
        .map(e -> new Confusion(e.getKey().expected(), e.getKey().answer(), e.getValue()))
        .sorted(
            Comparator.comparingLong(Confusion::rows)
                .reversed()
                .thenComparing(Confusion::expected)
                .thenComparing(Confusion::answer, Comparator.nullsLast(Comparator.naturalOrder())))
        .toList();
  }
}
