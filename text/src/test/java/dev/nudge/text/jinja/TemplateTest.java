package dev.nudge.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Seeds;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TemplateTest {
  private static final Path GOLDEN =
      Path.of("../core/src/test/resources/golden/jinja/snippets.json");
  private static final LocalDateTime NOW = LocalDateTime.of(2025, 7, 4, 9, 5);
  private static final long A = Origin.of(1, 0);
  private static final long B = Origin.of(2, 7);

  private static Text render(String template) {
    Map<String, Value> names =
        Map.of("a", Text.of(" Ab,c\"d ", A), "b", Text.of("Xé😀", B), "list", list());
    return Template.parse(template, "t").render(names, RenderLimits.USUAL, NOW);
  }

  private static Value list() {
    return Values.of(JsonMapper.shared().readTree("[{\"k\": \"v\", \"n\": 1}]"), B);
  }

  /// Each character, with 1 and 2 for the sources and 0 for the template.
  private static String sources(Text text) {
    StringBuilder out = new StringBuilder();
    for (int run = 0, at = 0; run < text.runs(); at = text.end(run++)) {
      out.repeat("" + Origin.source(text.origin(run)), text.end(run) - at);
    }
    return out.toString();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "{{ a }}-{{ b }}                     => 1111111102222",
        "{{ a + 'x' + b }}                   => 1111111102222",
        "{{ 'x' ~ b ~ 1 }}                   => 022220",
        "{{ a.strip() }}.                    => 1111110",
        "{{ a.strip().split(',')[1] }}       => 111",
        "{{ a[1:3] }}{{ b[::-1] }}           => 112222",
        "{{ b[-1] }}                         => 22",
        "{{ a.strip() | replace('b', b) }}   => 122221111",
        "{{ b.join(['x', 'y']) }}            => 022220",
        "{{ [a, b] | join('/') | length }}   => 00",
        "{{ [a, b] | join('/') }}            => 1111111102222",
        "{{ a | trim | tojson }}             => 111111111",
        "{{ {'k': b} | tojson }}             => 0000002222220",
        "{{ list | tojson }}                 => 22222222222222222222",
        "{{ list }}                          => 22222222222222222222",
        "{{ list[0].n }}{{ list[0].k }}      => 02",
        "{{ b | upper }}{{ b.title() }}      => 22222222",
        "{{ '%s|%s' % (b, 'x') }}            => 222200",
        "{{ '<{}>'.format(b) }}              => 022220",
        "{% set s %}[{{ b }}]{% endset %}{{ s | trim }} => 022220",
        "{% macro m(x) %}({{ x }}){% endmacro %}{{ m(b) }} => 022220",
        "{% for c in b %}{{ c }}.{% endfor %} => 2020220",
        "{{ b | indent(2, true) }}           => 002222",
      })
  void eachCharacterKnowsWhereItCameFrom(String template, String sources) {
    assertThat(sources(render(template))).as(template).isEqualTo(sources);
  }

  @Test
  void charactersOfGenerationBlocksKnowIt() {
    Text text =
        render("x{% generation %}{{ b }}!{% endgeneration %}y{% generation %}z{% endgeneration %}");
    List<Integer> blocks = new ArrayList<>();
    for (int run = 0; run < text.runs(); run++) {
      blocks.add(Origin.block(text.origin(run)));
    }
    assertThat(text.chars()).isEqualTo("xXé😀!yz");
    assertThat(blocks).containsExactly(0, 1, 1, 0, 2);
    assertThat(Origin.part(text.origin(1))).isEqualTo(7);
    assertThat(sources(text)).isEqualTo("02222000");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "{{ a }}\\n{{ a | nosuch }} => t, line 2: the filter 'nosuch' is not known",
        "\\n\\n{{ a is nosuch }} => t, line 3: the test 'nosuch' is not known",
        "{% include 'x' %} => t, line 1: the statement 'include' is not known here",
        "{% if a %}\\n"
            + "{{ a.encode() }}{% endif %} => t, line 2: the method 'encode' of a str is not known"
            + " here",
        "{{ a.nosuch() }} => t, line 1: a str has no attribute 'nosuch'",
        "\\n{{ nosuch.x }} => t, line 2: 'nosuch' is undefined",
        "{{ cycler(1) }} => t, line 1: the function 'cycler' is not known here",
        "{{ list.append(1) }} => t, line 1: a template does not change a list; 'append' is not"
            + " allowed",
        "{{ raise_exception('a\\nb') }} => t, line 1: the template refuses: a b",
      })
  void whatIsNotKnownFailsWithLineAndName(String template, String message) {
    assertThatThrownBy(() -> render(template.replace("\\n", "\n")))
        .isInstanceOf(TemplateException.class)
        .hasMessage(message);
  }

  /// Whatever the machine: a limit of the rendering ends each.
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %} => the"
            + " rendering takes more than 5000000 steps",
        "{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %} => a text of more than 67108864"
            + " characters",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{%"
            + " endfor %} => a text of more than 67108864 characters",
        "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{%"
            + " endfor %} => a list of more than 1000000 values",
        "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s | replace('a',"
            + " ns.s) %}{% endfor %} => a text of more than 67108864 characters",
        "{{ 'x' * 10 ** 12 }} => a text of more than 67108864 characters",
        "{{ [1] * 10 ** 12 }} => a list of more than 1000000 values",
        "{{ 9 ** (9 ** 9) }} => the power is too large a number",
        "{{ '%99999d' % 1 }} => a width of more than 10000",
        "{{ 'x'.center(10 ** 12) }} => a text of more than 67108864 characters",
        "{{ [1] | batch(10 ** 9, 0) | list }} => a list of more than 1000000 values",
        "{% set ns = namespace(s=2) %}{% for i in range(99) %}{% set ns.s = ns.s * ns.s %}{% endfor"
            + " %} => a number of more than 16384 bits",
        "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }} => more than 100 macros or loops within"
            + " each other",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %} => more than 100 macros or loops"
            + " within each other",
      })
  @Timeout(1800)
  void aTemplateThatCostsTooMuchIsStopped(String template, String limit) {
    assertThatThrownBy(() -> render(template))
        .isInstanceOf(TemplateException.class)
        .hasMessage("t, line 1: " + limit);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"(", "[", "{1:", "not ", "-", "a[", "a if b else ", "{{{", "f(", "a|join("})
  void aTemplateThatIsNestedTooDeeplyIsRefused(String piece) {
    assertThatThrownBy(() -> Template.parse("{{ " + piece.repeat(100_000), "t"))
        .isInstanceOf(TemplateException.class)
        .message()
        .doesNotContain("\n");
  }

  @Test
  void whateverStandsInATemplateItsErrorIsOneLine() throws IOException {
    JsonNode golden = JsonMapper.shared().readTree(Files.readString(GOLDEN));
    Map<String, Value> names = Values.names(golden.path("variables"), A);
    List<String> templates = new ArrayList<>();
    golden.path("cases").forEach(c -> templates.add(c.path("template").stringValue()));
    Random random = new Random(Seeds.next());
    RenderLimits few = new RenderLimits(20_000, 20, 100_000, 10_000);
    int failed = 0;
    for (int i = 0; i < 30_000; i++) {
      String template = i % 10 == 0 ? noise(random) : mutated(templates, random);
      try {
        Template.parse(template, "t").render(names, few, NOW);
      } catch (TemplateException e) {
        failed++;
        assertThat(e.getMessage()).as(template).startsWith("t, line ").doesNotContain("\n", "\r");
      } catch (RuntimeException | Error e) {
        throw new AssertionError("the template was: " + template, e);
      }
    }
    assertThat(failed).isBetween(3_000, 29_000);
  }

  private static String noise(Random random) {
    byte[] bytes = new byte[random.nextInt(60)];
    random.nextBytes(bytes);
    String text = new String(bytes, StandardCharsets.UTF_8);
    return random.nextBoolean() ? "{{" + text : "{% " + text + " %}";
  }

  private static String mutated(List<String> templates, Random random) {
    String all = templates.get(random.nextInt(templates.size()));
    int pieces = 1 + random.nextInt(3);
    for (int i = 0; i < pieces; i++) {
      String other = templates.get(random.nextInt(templates.size()));
      int from = random.nextInt(other.length() + 1);
      String piece = other.substring(from, Math.min(other.length(), from + random.nextInt(12)));
      int at = random.nextInt(all.length() + 1);
      int skip = Math.min(all.length() - at, random.nextInt(6));
      all = all.substring(0, at) + piece + all.substring(at + skip);
    }
    return all;
  }

  @Test
  void aNumberWithoutAnEndIsNoWholeOne() {
    for (String number : new String[] {"inf", "nan"}) {
      assertThatThrownBy(() -> render("{{ '%d' % ('" + number + "'|float) }}"))
          .isInstanceOf(TemplateException.class)
          .hasMessageContaining("'%d' takes a finite number");
    }
  }
}
