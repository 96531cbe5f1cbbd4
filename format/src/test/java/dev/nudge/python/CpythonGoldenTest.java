package dev.nudge.python;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Json;
import dev.nudge.settings.PythonPattern;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Holds draws, literals and expressions to what CPython made of them (`cpython_cases.py`).
class CpythonGoldenTest {
  private static final JsonNode GOLDEN =
      Json.read(Path.of("../core/src/test/resources/golden/cpython.json"));

  @Test
  void randomDrawsAreCpythons() {
    int checked = 0;
    for (JsonNode row : GOLDEN.path("random")) {
      PythonRandom random = new PythonRandom(new BigInteger(row.path("seed").stringValue()));
      int count = row.path("count").intValue();
      for (JsonNode sample : row.path("samples")) {
        assertThat(random.sample(count, row.path("k").intValue())).isEqualTo(ints(sample));
      }
      assertThat(random.choices(count, 4)).isEqualTo(ints(row.path("choices")));
      assertThat(random.random()).isEqualTo(row.path("random").doubleValue());
      checked++;
    }
    assertThat(checked).isEqualTo(45);
    assertThatThrownBy(() -> new PythonRandom(1).sample(3, 4))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static int[] ints(JsonNode list) {
    return list.valueStream().mapToInt(JsonNode::intValue).toArray();
  }

  @Test
  void literalsAreReadAsByLiteralEval() {
    for (JsonNode row : GOLDEN.path("literals")) {
      String text = row.path("text").stringValue();
      JsonNode read = PythonLiteral.read(text);
      boolean refused = row.has("refused") && !text.equals("[...]");
      if (refused) {
        assertThat(read).as(text).isNull();
      } else if (row.has("value")) {
        assertThat(Objects.toString(read)).as(text).isEqualTo(row.path("value").toString());
      }
    }
    assertThat(PythonLiteral.read("[...]")).isNull(); // not a value that a task has a use for
    assertThat(PythonLiteral.read("")).isNull();
    assertThat(PythonLiteral.read("[".repeat(5000))).isNull();
  }

  @Test
  void expressionsFindAndReplaceAsReDoes() {
    for (JsonNode row : GOLDEN.path("regexes")) {
      PythonPattern pattern = PythonPattern.of(row.path("pattern").stringValue());
      String text = row.path("text").stringValue();
      if (row.has("found")) {
        List<List<String>> found = new ArrayList<>();
        for (JsonNode one : row.path("found")) {
          found.add(
              one.isArray()
                  ? one.valueStream().map(JsonNode::stringValue).toList()
                  : List.of(one.stringValue()));
        }
        assertThat(pattern.findAll(text)).as(row.toString()).isEqualTo(found);
      } else {
        assertThat(
                pattern.replace(text, row.path("by").stringValue(), row.path("count").intValue()))
            .as(row.toString())
            .isEqualTo(row.path("replaced").stringValue());
      }
    }
  }
}
