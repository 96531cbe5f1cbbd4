package dev.nudge.eval.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.eval.run.Outcome;
import dev.nudge.format.Json;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
import tools.jackson.databind.node.ObjectNode;

/// Write verdicts and read them again.
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
    result = Gate.judge(policy, Gate.Evidence.of(outcome), digests, AT);
  }

  @Test
  void aVerdictIsReadAsItWasWritten() throws Exception {
    GateFiles.write(folder.resolve("out"), result);
    GateFiles.Stored stored = GateFiles.read(folder.resolve("out").resolve(GateFiles.JSON));
    assertThat(stored.verdict()).isEqualTo(Verdict.FAIL);
    assertThat(stored.at()).isEqualTo(AT);
    assertThat(stored.digests()).isEqualTo(digests);
    assertThat(stored.isFresh(digests)).isTrue();
    assertThat(stored.against(digests)).containsExactly("the verdict is FAIL");
    assertThat(result.line()).isEqualTo("FAIL: 1 pass, 1 fail, 1 inconclusive");
  }

  @Test
  void anyDigestThatChangesMakesAVerdictStale() {
    GateFiles.Stored pass = new GateFiles.Stored(Verdict.PASS, digests, AT);
    assertThat(pass.against(digests)).isEmpty();
    Map<String, Object> whole = Json.plain(Json.tree(digests));
    int changes = 0;
    for (String key : whole.keySet()) {
      ObjectNode tree = (ObjectNode) Json.parse(GateFiles.json(result));
      ObjectNode of = (ObjectNode) tree.path("digests");
      JsonNode value = of.path(key);
      if (value.isObject()) {
        ((ObjectNode) value).put("more", "sha256:1");
      } else if (value.isNumber()) {
        of.put(key, value.longValue() + 1);
      } else {
        of.put(key, "sha256:other");
      }
      GateFiles.Stored other = GateFiles.parse("gate.json", tree);
      assertThat(pass.against(other.digests())).as(key).hasSize(1);
      assertThat(pass.isFresh(other.digests())).as(key).isFalse();
      changes++;
    }
    assertThat(changes).isEqualTo(9);
  }

  @Test
  void whatIsNoVerdictIsRefused() {
    assertThatThrownBy(() -> GateFiles.parse("x.json", Json.parse("{}")))
        .hasMessage(
            "x.json: nudge_gate is missing, this nudge reads 1; give the gate.json of an evaluation");
    assertThatThrownBy(() -> GateFiles.parse("x.json", Json.parse("{\"nudge_gate\": 2}")))
        .hasMessage("x.json: nudge_gate is 2, this nudge reads 1; update nudge");
    ObjectNode tree = (ObjectNode) Json.parse(GateFiles.json(result));
    tree.put("verdict", "maybe");
    assertThatThrownBy(() -> GateFiles.parse("x.json", tree))
        .hasMessageStartingWith("x.json is damaged (");
    tree.put("verdict", "pass");
    ((ObjectNode) tree.path("digests")).remove("base");
    assertThatThrownBy(() -> GateFiles.parse("x.json", tree))
        .hasMessage("x.json is damaged (no base); run the evaluation again");
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

  /// Of both schemas that [JunitXml] names: the attributes that an element has, those it must have
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
