package dev.nudge.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PythonRegexTest {
  /// Expected: `bool(re.fullmatch(pattern, text))` of Python 3.11.7.
  @Test
  void matchesWhatPythonMatches() {
    matches(".*\\.(q|v)_proj", "model.layers.0.self_attn.q_proj", true);
    matches(".*\\.(q|v)_proj", "model.layers.0.self_attn.k_proj", false);
    matches(".*q_proj", "model.layers.0.self_attn.q_proj.x", false);
    matches(
        "model\\.layers\\.(?P<the_layer>\\d+)\\..*(?P=the_layer).*",
        "model.layers.1.self_attn.q1",
        true);
    matches("model\\.layers\\.[0-9]{,2}\\.mlp\\..*", "model.layers.12.mlp.up_proj", true);
    matches("a{b", "a{b", true);
    matches("a{}", "a{}", true);
    matches("a{2,3}", "aa", true);
    matches("a{,}", "aaaa", true);
    matches("a{2}", "aaa", false);
    matches("[[a]+", "[a", true);
    matches("[]a]+", "]a", true);
    matches("[^]a]+", "bc", true);
    matches("[a&&b]+", "&ab", true);
    matches("[a-c[x]]", "b]", true);
    matches("[\\w.]+", "a.b", true);
    matches("x\\Z", "x", true);
    matches("(?i)ABC", "abc", true);
    matches("(?#hi)abc", "abc", true);
    matches("(?!a)b", "b", true);
    matches("(?<=a)b|ab", "ab", true);
    matches("(?:a|b)+?", "abab", true);
    matches("(a)(b)\\2\\1", "abba", true);
    matches("\\x61\\u0062\\U00000063", "abc", true);
    matches("(?i:A)b", "ab", true);
    matches("(?>a*)b", "aab", true);
    matches("a*+b", "aab", true);
    matches(".*", "a", true);
    matches("", "", true);
    matches("a|ab", "ab", true);
    matches("\\.", ".", true);
    matches("\\_", "_", true);
    matches("[\\]\\-a]+", "]-a", true);
    matches("(?s).", "\n", true);
    matches("^a$", "a", true);
    matches("a\\b.b", "a.b", true);
    matches("[\\d-]+", "1-2", true);
    matches(
        "(?:.*?(?:language|text).*?(?:self_attn|attention|attn|mlp|feed_forward|ffn|dense).*?(?:q_proj|k_proj).*?)|(?:\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|mlp)\\.(?:(?:q_proj|k_proj)))",
        "model.layers.11.self_attn.k_proj",
        true);
  }

  /// Names need no expression, and match as they would by one.
  @Test
  void aNameAsKeyMatchesAsItsExpressionDoes() {
    List<String> paths =
        List.of(
            "model.layers.1.self_attn.q_proj",
            "model.layers.11.self_attn.q_proj",
            "model.layers.1.self_attn.my_q_proj",
            "model.layers.1.self_attn.q_proj.x",
            "layers_1.self_attn.q_proj",
            "q_proj",
            "proj",
            "");
    for (String key :
        List.of("q_proj", "self_attn.q_proj", "1.self_attn.q_proj", "layers.1.self_attn.q_proj")) {
      for (String path : paths) {
        assertThat(PythonRegex.key(key).test(path))
            .as("%s on %s", key, path)
            .isEqualTo(PythonRegex.key("(?:" + key + ")").test(path));
      }
    }
    assertThat(PythonRegex.key("q_proj").test("model.q_proj")).isTrue();
    assertThat(PythonRegex.key("layers.1.q").test("layers_1.q")).isTrue(); // a dot is any sign
  }

  private static void matches(String pattern, String text, boolean expected) {
    assertThat(PythonRegex.fullMatch(pattern).test(text))
        .as("%s on %s", pattern, text)
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(?x)a b",
        "(?a)a",
        "(a)(?(1)b|c)",
        "\\p{L}",
        "\\Qa\\E",
        "\\012",
        "(a)\\2",
        "[a",
        "a\\",
        "(a",
        "a)",
        "*a",
        "[\\b-",
        "(?<name>a)",
        "\\R",
        "(?P<a",
        "\\h",
        "(?",
        "(?#"
      })
  void refusesWhatOnlyOneOfTheTwoKnows(String pattern) {
    assertThatThrownBy(() -> PythonRegex.compile(pattern))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("the regular expression '" + pattern + "' cannot be read: ")
        .message()
        .doesNotContain("\n");
  }

  @Test
  void stopsAMatchThatBacktracksWithoutEnd() {
    assertThatThrownBy(
            () ->
                PythonRegex.fullMatch("(.*.*.*.*.*.*.*.*.*.*)*x")
                    .test("model.layers.0.mlp.up_proj"))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("backtracks without end");
  }

  @Test
  void refusesExpressionsThatAreTooLongOrTooDeep() {
    assertThatThrownBy(() -> PythonRegex.compile("a".repeat(5000)))
        .isInstanceOf(InputException.class)
        .hasMessage("a regular expression has 5000 characters; at most 4096 are read");
  }
}
