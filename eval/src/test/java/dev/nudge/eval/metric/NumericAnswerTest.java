package dev.nudge.eval.metric;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.eval.metric.NumericAnswer.Score;
import dev.nudge.format.Json;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class NumericAnswerTest {
  private static List<String> texts(JsonNode node) {
    return node.valueStream().map(JsonNode::asString).toList();
  }

  /// `numeric_answers.py`: two thousand answers by TAT-QA's own script.
  @Test
  void answersScoreAsInTatQa() {
    JsonNode golden = Json.read(Path.of("src/test/resources/golden/numeric-answers.json"));
    assertThat(golden.size()).isGreaterThan(1000);
    for (JsonNode row : golden) {
      Score score =
          NumericAnswer.score(
              texts(row.get(3)),
              row.get(4).asString(),
              texts(row.get(1)),
              row.get(2).asString(),
              row.get(0).asBoolean());
      assertThat(score)
          .as(row.toString())
          .isEqualTo(new Score(row.get(5).get(0).asDouble(), row.get(5).get(1).asDouble()));
    }
  }

  @Test
  void aScaleIsPartOfTheNumber() {
    List<String> gold = List.of("1.5");
    assertThat(exact("1.5", "million", gold, "million")).isOne();
    assertThat(exact("1500", "thousand", gold, "million")).isOne();
    assertThat(exact("1,500,000", "", gold, "million")).isOne();
    assertThat(exact("1.5", "", gold, "million")).isZero();
    assertThat(exact("0.2342", "", List.of("23.42"), "percent")).isOne();
    assertThat(exact("23.42%", "", List.of("23.42"), "percent")).isOne();
    assertThat(exact("(134)", "", List.of("-134"), "")).isOne();
  }

  private static double exact(String said, String scale, List<String> gold, String goldScale) {
    return NumericAnswer.score(List.of(said), scale, gold, goldScale, true).exact();
  }
}
