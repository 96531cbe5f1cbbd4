package dev.nudge.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Short templates against jinja2 as transformers sets it up; recorded by
/// `src/test/reference/jinja_snippets.py`.
class SnippetsTest {
  private static final Path GOLDEN =
      Path.of("../core/src/test/resources/golden/jinja/snippets.json");
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 4, 9, 5, 3);

  @TestFactory
  List<DynamicTest> everySnippetGivesWhatPythonGives() throws IOException {
    JsonNode golden = JsonMapper.shared().readTree(Files.readString(GOLDEN));
    Map<String, Value> variables = Values.names(golden.path("variables"), 0);
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode example : golden.path("cases")) {
      String template = example.path("template").stringValue();
      tests.add(DynamicTest.dynamicTest(template, () -> check(template, variables, example)));
    }
    assertThat(tests).hasSizeGreaterThan(100);
    return tests;
  }

  private static void check(String template, Map<String, Value> variables, JsonNode example) {
    if (example.has("raises")) {
      assertThatThrownBy(() -> render(template, variables))
          .isInstanceOf(TemplateException.class)
          .message()
          .startsWith("snippet, line 1: ")
          .doesNotContain("\n");
      return;
    }
    assertThat(render(template, variables)).isEqualTo(example.path("output").stringValue());
  }

  private static String render(String template, Map<String, Value> variables) {
    return Template.parse(template, "snippet").render(variables, RenderLimits.USUAL, NOW).chars();
  }
}
