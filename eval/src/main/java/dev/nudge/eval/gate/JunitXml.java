package dev.nudge.eval.gate;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/// Writes a verdict as JUnit XML for CI servers: a test per rule, a failure if the rule fails, an
/// error if it is inconclusive, so that neither goes unseen.
///
/// JUnit XML has no single schema. The output is valid by those of Surefire [1] and of Jenkins'
/// xUnit plugin [2], which are stricter than the readers: one suite as the root, its properties
/// first, a time for each test.
///
/// [1] https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd. [2]
/// `junit-10.xsd` of https://github.com/jenkinsci/xunit-plugin
final class JunitXml {
  private static final String CLASS = "nudge.gate";

  private JunitXml() {}

  static String of(GateResult result) {
    StringBuilder xml = new StringBuilder("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.append("<testsuite name=\"").append(CLASS).append('"');
    attribute(xml, "tests", String.valueOf(result.rules().size()));
    attribute(xml, "failures", count(result, Verdict.FAIL));
    attribute(xml, "errors", count(result, Verdict.INCONCLUSIVE));
    attribute(xml, "skipped", "0");
    attribute(xml, "time", "0");
    xml.append(">\n  <properties>\n");
    properties(result)
        .forEach(
            (name, value) -> {
              xml.append("    <property");
              attribute(xml, "name", name);
              attribute(xml, "value", value);
              xml.append("/>\n");
            });
    xml.append("  </properties>\n");
    result.rules().forEach(rule -> test(xml, rule));
    return xml.append("</testsuite>\n").toString();
  }

  private static void test(StringBuilder xml, RuleResult rule) {
    xml.append("  <testcase");
    attribute(xml, "name", rule.rule().name());
    attribute(xml, "classname", CLASS + "." + rule.rule().kind().word());
    attribute(xml, "time", "0");
    xml.append(">\n    ");
    switch (rule.verdict()) {
      case PASS -> xml.append("<system-out>").append(text(rule.sentence())).append("</system-out>");
      case FAIL -> problem(xml, "failure", rule);
      case INCONCLUSIVE -> problem(xml, "error", rule);
    }
    xml.append("\n  </testcase>\n");
  }

  private static void problem(StringBuilder xml, String element, RuleResult rule) {
    xml.append('<').append(element);
    attribute(xml, "message", rule.sentence());
    attribute(xml, "type", rule.verdict().word());
    xml.append('>').append(text(rule.sentence())).append("</").append(element).append('>');
  }

  private static Map<String, String> properties(GateResult result) {
    Map<String, String> all = new LinkedHashMap<>();
    Digests digests = result.digests();
    all.put("verdict", result.verdict().word());
    all.put("at", result.at().toString());
    all.put("policy", result.policy());
    all.put("digest.policy", digests.policy());
    all.put("digest.base", digests.base());
    new TreeMap<>(digests.adapter()).forEach((file, digest) -> all.put("digest." + file, digest));
    all.put("digest.tokenizer", digests.tokenizer());
    return all;
  }

  private static String count(GateResult result, Verdict verdict) {
    return String.valueOf(
        result.rules().stream().filter(rule -> rule.verdict() == verdict).count());
  }

  private static void attribute(StringBuilder xml, String name, String value) {
    xml.append(' ').append(name).append("=\"").append(text(value)).append('"');
  }

  /// Escapes a text for XML; characters that XML forbids become U+FFFD.
  static String text(String text) {
    StringBuilder xml = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> {
              switch (c) {
                case '&' -> xml.append("&amp;");
                case '<' -> xml.append("&lt;");
                case '>' -> xml.append("&gt;");
                case '"' -> xml.append("&quot;");
                case '\n', '\r', '\t' -> xml.append("&#").append(c).append(';');
                default -> {
                  boolean allowed =
                      c >= 0x20 && c < 0xD800 || c >= 0xE000 && c < 0xFFFE || c >= 0x10000;
                  xml.appendCodePoint(allowed ? c : 0xFFFD);
                }
              }
            });
    return xml.toString();
  }
}
