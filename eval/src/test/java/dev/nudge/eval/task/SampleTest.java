package dev.nudge.eval.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Which choices of a document are right.
class SampleTest {
  private static Sample sample(String gold) {
    JsonNode node = Json.parse(gold);
    return new Sample(0, node, node, node, List.of("a", "b", "c"), List.of());
  }

  /// The places, and the one that is right alone.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1|[1]|1",
        "[2]|[2]|2",
        "[2, 2]|[2, 2]|2",
        "[0, 2]|[0, 2]|-1",
        "[2, \"zz\"]|[2, -100]|2",
        "\"c\"|[2]|2",
        "[\"c\"]|[2]|2",
        "\"d\"|[-100]|-1",
        "true|[1]|1",
        "false|[0]|0",
        "[]|[-100]|-1",
        "3|[-100]|-1",
        "-1|[-1]|-1",
        "1099511627776|[-100]|-1",
        "-1099511627776|[-100]|-1",
        "123456789012345678901234567890|[-100]|-1",
        "1.0|[-100]|-1",
        "null|[-100]|-1",
      })
  void rightPlacesAreThoseThatAreNamed(String gold, String places, int alone) {
    assertThat(sample(gold).goldPlaces()).hasToString(places);
    assertThat(sample(gold).goldPlace()).isEqualTo(alone);
  }

  @ParameterizedTest
  @CsvSource({"0,0", "2,2", "-1,2", "-3,0", "-4,-1", "3,-1", "true,1", "1099511627776,-1"})
  void aTargetIsLookedUpFromEitherEnd(String target, int place) {
    assertThat(sample(target).targetPlace()).isEqualTo(place);
  }

  @Test
  void aDocumentWithoutChoicesHasNoneThatIsRight() {
    JsonNode text = Json.parse("\"a\"");
    Sample free = new Sample(0, text, text, text, List.of(), List.of());
    assertThat(free.goldPlace()).isEqualTo(-1);
    assertThat(free.targetPlace()).isEqualTo(-1);
  }
}
