package dev.nudge.eval.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.leak.Leak;
import dev.nudge.eval.leak.LeakKind;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Outcome;
import dev.nudge.format.Json;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.InputSource;
import tools.jackson.databind.JsonNode;

/// Write verdicts.
class GateFilesTest {
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05Z");
  private static final String POLICY =
      """
      improve: {task: legal, metric: acc, by: 0.05}
      floor: {task: legal, metric: acc, at_least: 0.9, judged_by: point}
      leakage: {at_most: 0.1}
      """;

  @TempDir Path folder;
  private GateResult result;
  private Digests digests;

  @BeforeEach
  void judge() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder.resolve("tasks"))
            .choices("legal", 200, i -> i < 100, i -> i >= 10 && i < 140, "is it")
            .outcome();
    Policy policy = PolicyFile.parse("a \"<&\u0001policy", POLICY);
    digests = MadeOutcomes.digests(outcome, policy);
    result = Gate.judge(policy, MadeOutcomes.evidence(outcome), digests, AT);
  }

  @Test
  void theFileHasTheVerdictAndAllDigests() {
    GateFiles.write(folder.resolve("out"), result);
    JsonNode written = Json.read(folder.resolve("out").resolve(GateFiles.JSON));
    assertThat(written.path("verdict").asString()).isEqualTo("fail");
    assertThat(written.path("at").asString()).isEqualTo(AT.toString());
    JsonNode of = written.path("digests");
    assertThat(of.propertyNames())
        .containsExactly(
            "base",
            "adapter",
            "tokenizer",
            "chat_template",
            "tasks",
            "data",
            "seed",
            "settings",
            "policy");
    assertThat(of.path("base").asString()).isEqualTo(digests.base());
    assertThat(of.path("adapter")).isEqualTo(Json.tree(digests.adapter()));
    assertThat(of.path("tokenizer").asString()).isEqualTo(digests.tokenizer());
    assertThat(of.path("chat_template").isNull()).isTrue();
    assertThat(of.path("tasks")).isEqualTo(Json.tree(digests.tasks()));
    assertThat(of.path("data")).isEqualTo(Json.tree(digests.data()));
    assertThat(of.path("seed").longValue()).isEqualTo(digests.seed());
    assertThat(of.path("settings")).isEqualTo(Json.tree(digests.settings()));
    assertThat(of.path("policy").asString()).isEqualTo(digests.policy());
    assertThat(result.line()).isEqualTo("FAIL: 1 pass, 1 fail, 1 inconclusive");
  }

  /// Sentences have numbers of more than three digits and shares, which a German writes with a
  /// comma for the point, and Egypt in digits of its own.
  @Test
  void theFilesAreTheSameWhateverTheLocale() throws Exception {
    Outcome outcome =
        new MadeOutcomes(folder.resolve("many"))
            .choices("legal", 2400, i -> i < 1300, i -> i >= 10 && i < 1710, "is it")
            .outcome();
    Policy policy =
        PolicyFile.parse(
            "policy.yaml",
            POLICY
                + """
                retain:
                  - {task: legal, metric: acc, margin: 0.01}
                  - {task: legal, metric: acc, margin: 0.02}
                ceiling: {task: legal, metric: acc, at_most: 0.7, judged_by: bound}
                judge: {task: legal, at_least: 0.5}
                latency: {seconds_per_request: 0.1}
                """);
    List<Leak> leaks = new ArrayList<>();
    for (int i = 0; i < 1100; i++) {
      leaks.add(new Leak("" + i, Map.of(LeakKind.EXACT, 0L), 0, 0));
    }
    Gate.Evidence evidence =
        new Gate.Evidence(
            outcome,
            Map.of("legal", new LeakReport(1500, 2400, leaks, 1200)),
            JudgeGateTest.result("base", "adapter", JudgeGateTest.pairs(1500, 1100, 20)));
    List<String> texts = new ArrayList<>();
    Locale before = Locale.getDefault();
    try {
      for (Locale locale :
          List.of(Locale.ROOT, Locale.GERMANY, Locale.forLanguageTag("ar-EG-u-nu-arab"))) {
        Locale.setDefault(locale);
        GateResult one = Gate.judge(policy, evidence, MadeOutcomes.digests(outcome, policy), AT);
        texts.add(GateFiles.json(one) + GateFiles.xml(one) + one.line());
        assertThat("%,d".formatted(1234)).isEqualTo(shown(locale)); // or the test shows nothing
      }
    } finally {
      Locale.setDefault(before);
    }
    assertThat(texts.get(0)).contains("on 2,400 documents", "1,100 of 2,400", "(1,500 won", "0.7");
    assertThat(texts.get(1)).isEqualTo(texts.get(0));
    assertThat(texts.get(2)).isEqualTo(texts.get(0));
  }

  private static String shown(Locale locale) {
    return switch (locale.getLanguage()) {
      case "de" -> "1.234";
      case "ar" -> "١٬٢٣٤";
      default -> "1,234";
    };
  }

  @Test
  void theJsonHasTheNumbersOfEachRule() {
    JsonNode rules = Json.parse(GateFiles.json(result)).path("rules");
    assertThat(rules).hasSize(3);
    assertThat(rules.path(0).path("verdict").asString()).isEqualTo("pass");
    assertThat(rules.path(0).path("value").doubleValue()).isCloseTo(0.15, within(1e-12));
    assertThat(rules.path(0).path("p_holm").doubleValue()).isBetween(0.0, 0.05);
    assertThat(rules.path(0).path("by").doubleValue()).isEqualTo(0.05);
    assertThat(rules.path(2).path("value").isNull()).isTrue();
  }

  /// Of both schemas that [GateFiles] names: the attributes that an element has, those it must have
  /// first, and its children in their order.
  private static final Map<String, List<String>> ATTRIBUTES =
      Map.of(
          "testsuite", List.of("name", "tests", "failures", "errors", "skipped", "time"),
          "properties", List.of(),
          "property", List.of("name", "value"),
          "testcase", List.of("name", "time", "classname"),
          "failure", List.of("type", "message"),
          "error", List.of("type", "message"),
          "system-out", List.of());

  private static final Map<String, List<String>> CHILDREN =
      Map.of(
          "testsuite", List.of("properties", "testcase"),
          "properties", List.of("property"),
          "testcase", List.of("failure", "error", "system-out"));

  @Test
  void theXmlKeepsWithinTheSchemasOfSurefireAndJenkins() throws Exception {
    Element root = xml();
    List<Element> all = new ArrayList<>();
    walk(root, all);
    Set<String> seen = new java.util.TreeSet<>();
    for (Element element : all) {
      String name = element.getTagName();
      seen.add(name);
      assertThat(ATTRIBUTES).containsKey(name);
      List<String> attributes = new ArrayList<>();
      for (int i = 0; i < element.getAttributes().getLength(); i++) {
        attributes.add(element.getAttributes().item(i).getNodeName());
      }
      assertThat(attributes).containsExactlyInAnyOrderElementsOf(ATTRIBUTES.get(name));
      List<String> order = CHILDREN.getOrDefault(name, List.of());
      int last = 0;
      for (Element child : children(element)) {
        int at = order.indexOf(child.getTagName());
        assertThat(at).as("%s in %s", child.getTagName(), name).isGreaterThanOrEqualTo(last);
        last = at;
      }
    }
    assertThat(seen)
        .containsExactly(
            "error", "failure", "properties", "property", "system-out", "testcase", "testsuite");
    assertThat(root.getAttribute("time")).matches("[0-9]{0,3}(\\.[0-9]{0,3})?");
  }

  @Test
  void theXmlCountsWhatFailsAndWhatIsInconclusive() throws Exception {
    Element root = xml();
    assertThat(root.getAttribute("tests")).isEqualTo("3");
    assertThat(root.getAttribute("failures")).isEqualTo("1");
    assertThat(root.getAttribute("errors")).isEqualTo("1");
    Map<String, String> properties = new LinkedHashMap<>();
    for (Element property : children(children(root).getFirst())) {
      properties.put(property.getAttribute("name"), property.getAttribute("value"));
    }
    assertThat(properties)
        .containsEntry("policy", "a \"<&\ufffdpolicy")
        .containsEntry("digest.policy", digests.policy())
        .containsEntry("at", AT.toString());
  }

  private Element xml() throws Exception {
    GateFiles.write(folder.resolve("out"), result);
    String text = Files.readString(folder.resolve("out").resolve(GateFiles.XML));
    return DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(text)))
        .getDocumentElement();
  }

  private static void walk(Element element, List<Element> into) {
    into.add(element);
    children(element).forEach(child -> walk(child, into));
  }

  private static List<Element> children(Element element) {
    List<Element> all = new ArrayList<>();
    for (Node node = element.getFirstChild(); node != null; node = node.getNextSibling()) {
      if (node instanceof Element child) {
        all.add(child);
      }
    }
    return all;
  }
}
