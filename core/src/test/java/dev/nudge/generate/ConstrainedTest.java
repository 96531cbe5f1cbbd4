package dev.nudge.generate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.SamplingSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Completions that must match an expression or a schema, from a model that knows neither.
class ConstrainedTest {
  private static final Path MODEL = Path.of("src/test/resources/golden/llama/grouped-tied/model");
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final String SCHEMA =
      """
      {"type": "object",
       "properties": {"team": {"enum": ["sales", "support"]}, "urgent": {"type": "boolean"}},
       "required": ["team", "urgent"], "additionalProperties": false}
      """;

  @TempDir private Path folder;

  private static SamplingSettings sampling(Map<String, ?> values) {
    Map<String, Object> all = new HashMap<>(values);
    all.put("model", MODEL);
    all.put("prompt", "none");
    return GenerateSettings.of(all).sampling();
  }

  private static List<Completion> complete(SamplingSettings sampling) {
    List<Completion> all = new ArrayList<>();
    try (Session session = Session.load(ModelSettings.of(MODEL), null, MACHINE, warning -> {})) {
      new Generation(session, sampling)
          .complete(List.of("pump 1", "valve 2", "a"), (completion, i) -> all.add(completion));
    }
    return all;
  }

  @Test
  void whatIsSaidMatchesTheExpressionAndEnds() {
    for (String temperature : List.of("0", "2")) {
      Map<String, Object> values = new HashMap<>();
      values.put("regex", "(red|blue) [0-9]{2}-x*");
      values.put("temperature", temperature);
      values.put("max_tokens", 200);
      for (Completion completion : complete(sampling(values))) {
        if (completion.stop() == Completion.Stop.EOS) { // x* may go on to the last token
          assertThat(completion.text()).matches("(red|blue) [0-9]{2}-x*");
        } else {
          assertThat(completion.text()).matches("(red|blue) [0-9]{2}-x+");
        }
      }
    }
  }

  @Test
  void whatIsSaidIsJsonOfTheSchema() throws IOException {
    Path schema = Files.writeString(folder.resolve("schema.json"), SCHEMA);
    for (Completion completion :
        complete(sampling(Map.of("json_schema", schema, "temperature", "1.5")))) {
      assertThat(completion.stop()).isEqualTo(Completion.Stop.EOS);
      JsonNode value = JsonMapper.shared().readTree(completion.text());
      assertThat(value.get("team").asString()).isIn("sales", "support");
      assertThat(value.get("urgent").isBoolean()).isTrue();
      assertThat(value).hasSize(2);
    }
  }

  @Test
  void aSchemaThatCannotBeReadOrIsNoneIsRefusedInALine() throws IOException {
    Path none = folder.resolve("none.json");
    assertThatThrownBy(() -> complete(sampling(Map.of("json_schema", none))))
        .isInstanceOf(InputException.class)
        .hasMessage("--json-schema " + none + " cannot be read: no such file or folder");
    Path wrong = Files.writeString(folder.resolve("wrong.json"), "{\"not\": {}}");
    assertThatThrownBy(() -> complete(sampling(Map.of("json_schema", wrong))))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--json-schema " + wrong + ": ")
        .hasMessageContaining("not");
    assertThatThrownBy(() -> complete(sampling(Map.of("regex", "(a)\\1"))))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the pattern '(a)\\1'");
  }
}
