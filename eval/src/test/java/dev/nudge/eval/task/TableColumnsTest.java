package dev.nudge.eval.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.format.Json;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

/// Reads rows as `datasets` 5.2.0 gives them to lm-evaluation-harness; the expected rows are what
/// its `load_dataset("json", data_files=…)` gave for the same lines.
class TableColumnsTest {
  private static List<String> even(String... rows) {
    return TableColumns.of(List.of(rows).stream().map(Json::parse).toList()).rows().stream()
        .map(JsonNode::toString)
        .toList();
  }

  @Test
  void aRowWithoutAColumnHasNullThere() {
    assertThat(even("{\"a\":1}", "{\"b\":\"x\",\"a\":2.5}"))
        .containsExactly("{\"a\":1.0,\"b\":null}", "{\"a\":2.5,\"b\":\"x\"}");
  }

  @Test
  void objectsWithTheSameKeysHaveTheOrderOfTheFirst() {
    assertThat(even("{\"m\":{\"k\":1,\"z\":2}}", "{\"m\":{\"z\":3.5,\"k\":4}}", "{\"m\":null}"))
        .containsExactly(
            "{\"m\":{\"k\":1,\"z\":2.0}}", "{\"m\":{\"k\":4,\"z\":3.5}}", "{\"m\":null}");
  }

  @Test
  void objectsWithOtherKeysStayAsTheyAre() {
    assertThat(even("{\"m\":{\"k\":1}}", "{\"m\":{\"z\":[2],\"k\":1.5}}"))
        .containsExactly("{\"m\":{\"k\":1}}", "{\"m\":{\"z\":[2],\"k\":1.5}}");
    assertThat(even("{\"l\":[{\"a\":1},{\"a\":2,\"b\":3}]}", "{\"l\":[]}"))
        .containsExactly("{\"l\":[{\"a\":1},{\"a\":2,\"b\":3}]}", "{\"l\":[]}");
  }

  @Test
  void aColumnOfManyKindsStaysAsItIs() {
    assertThat(even("{\"v\":1}", "{\"v\":[1,2.5]}", "{\"v\":{\"k\":1}}"))
        .containsExactly("{\"v\":1}", "{\"v\":[1,2.5]}", "{\"v\":{\"k\":1}}");
    assertThat(even("{\"v\":1}", "{\"v\":2.5}", "{\"v\":\"x\"}"))
        .containsExactly("{\"v\":1}", "{\"v\":2.5}", "{\"v\":\"x\"}");
  }
}
