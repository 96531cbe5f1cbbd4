package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.data.PromptRow;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// Which answers are given for which.
class ConfusionTest {
  private static PromptRow expects(int index, String answer) {
    return new PromptRow(index, Path.of("rows"), 1, "", new int[] {1}, answer);
  }

  private static RowAnswers.Row answer(int index, String expected, String answer) {
    return new RowAnswers.Row(index, "rows", 1, "", expected, answer);
  }

  @Test
  void rowsAreCountedByWhatTheyExpectAndAreAnswered() {
    List<PromptRow> questions =
        List.of(
            expects(0, " water"),
            expects(2, " water\n"),
            expects(3, " power"),
            expects(4, " power"),
            expects(7, " water"));
    List<RowAnswers.Row> wrong =
        List.of(
            answer(3, " power", "water"),
            answer(4, " power", " I do not know"),
            answer(7, " water", "power "));
    assertThat(Confusion.of(questions, wrong))
        .containsExactly(
            new Confusion("water", "water", 2), // these were not asked: they are exact
            new Confusion("power", "water", 1),
            new Confusion("power", null, 1),
            new Confusion("water", "power", 1));
  }

  @Test
  void manyAnswersAreNoClasses() {
    List<PromptRow> many =
        IntStream.rangeClosed(0, Confusion.MOST).mapToObj(i -> expects(i, "a" + i)).toList();
    assertThat(Confusion.of(many, List.of())).isNull();
    assertThat(Confusion.of(many.subList(1, many.size()), List.of())).hasSize(Confusion.MOST);
  }
}
