package dev.nudge.eval.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Goldens;
import dev.nudge.format.Json;
import dev.nudge.settings.NudgeException;
import dev.nudge.text.jinja.Dialect;
import dev.nudge.text.jinja.PythonValues;
import dev.nudge.text.jinja.RenderLimits;
import dev.nudge.text.jinja.Template;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/// Holds what task files need of Python to what Python did (`cpython_cases.py`).
class CpythonTest {
  private static final JsonNode GOLDEN = Json.read(Goldens.FOLDER.resolve("cpython.json"));

  @Test
  void scalarsAreWhatPyYamlMakesOfThem() {
    for (JsonNode row : GOLDEN.path("scalars")) {
      String text = row.path("text").stringValue();
      String type = row.path("type").stringValue();
      if (type.equals("refused") || type.equals("date")) {
        continue; // `=`, `<<` and dates, which no task file has a use for
      }
      Object value = TaskYaml.read(Path.of("scalar.yaml"), "k: " + text + "\n").get("k");
      String shown =
          switch (value) {
            case null -> "NoneType None";
            case Boolean b -> "bool " + (b ? "True" : "False");
            case Double d ->
                "float "
                    + PythonValues.str(
                        Json.tree(d).isNumber() ? Json.tree(d) : Json.tree(d.toString()));
            case String s -> "str '" + s + "'";
            default -> "int " + value;
          };
      String expected = type + " " + row.path("repr").stringValue();
      assertThat(shown.replace("Infinity", "inf").replace("NaN", "nan"))
          .as(text)
          .isEqualTo(expected);
    }
  }

  @Test
  void templatesRenderAsInTheHarness() {
    Map<String, dev.nudge.text.jinja.Value> names = PythonValues.names(GOLDEN.path("doc"));
    int refused = 0;
    for (JsonNode row : GOLDEN.path("templates")) {
      String source = row.path("template").stringValue();
      if (row.has("refused")) {
        refused++;
        assertThatThrownBy(() -> render(source, names))
            .as(source)
            .isInstanceOf(NudgeException.class);
      } else {
        assertThat(render(source, names)).as(source).isEqualTo(row.path("rendered").stringValue());
      }
    }
    assertThat(refused).isEqualTo(28);
  }

  private static String render(String source, Map<String, dev.nudge.text.jinja.Value> names) {
    return Template.parse(source, "template", Dialect.TASK)
        .render(names, RenderLimits.USUAL, LocalDateTime.of(2020, 1, 1, 0, 0))
        .chars();
  }

  @Test
  void aCharacterThatStripTagsDoesNotKnowIsRefusedAndNotLeftAsItIs() {
    Map<String, dev.nudge.text.jinja.Value> none = Map.of();
    assertThatThrownBy(() -> render("{{ 'a &bigstar; b'|striptags }}", none))
        .isInstanceOf(NudgeException.class)
        .hasMessageContaining("striptags does not know the character &bigstar;");
    assertThatThrownBy(() -> render("{{ '&notin;'|striptags }}", none)) // no ¬ before `in;`
        .hasMessageContaining("&notin;");
  }

  @ParameterizedTest
  @ValueSource(strings = {"pprint", "random", "urlize"})
  void filtersOfJinjaThatAreNotKnownAreRefusedByName(String name) {
    assertThatThrownBy(() -> render("{{ 'a'|" + name + " }}", Map.of()))
        .hasMessage("template, line 1: the filter '" + name + "' is not known");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "extends 'a'",
        "block a %}{% endblock",
        "include 'a'",
        "import 'a' as a",
        "from 'a' import b",
        "autoescape true %}{% endautoescape",
        "print 1"
      })
  void tagsOfJinjaThatAreNotKnownAreRefusedByName(String tag) {
    String name = tag.substring(0, tag.indexOf(' '));
    assertThatThrownBy(() -> render("{% " + tag + " %}", Map.of()))
        .hasMessage("template, line 1: the statement '" + name + "' is not known here");
  }

  @ParameterizedTest
  @ValueSource(strings = {"joiner()", "cycler(1, 2)", "lipsum()"})
  void functionsOfJinjaThatAreNotKnownAreRefusedByName(String call) {
    String name = call.substring(0, call.indexOf('('));
    assertThatThrownBy(() -> render("{{ " + call + " }}", Map.of()))
        .hasMessage("template, line 1: the function '" + name + "' is not known here");
  }

  @Test
  void aFilterOfTaskFilesIsUnknownToChatTemplates() {
    assertThatThrownBy(() -> Template.parse("{{ 'a' | regex_replace('a', 'b') }}", "chat"))
        .hasMessage("chat, line 1: the filter 'regex_replace' is not known");
    assertThatThrownBy(() -> Template.parse("{{ [1] | groupby('a') }}", "chat"))
        .hasMessage("chat, line 1: the filter 'groupby' is not known");
  }
}
