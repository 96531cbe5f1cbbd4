package dev.nudge.eval.gate;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Writes a verdict as `gate.json`, and for CI servers as JUnit XML, `gate.xml`: a test per rule, a
/// failure if the rule fails, an error if it is inconclusive, so that CI reports both.
///
/// JUnit XML has no single schema. The output is valid by those of Surefire [1] and of Jenkins'
/// xUnit plugin [2], which are stricter than the readers: one suite as the root, its properties
/// first, a time for each test.
///
/// [1] https://maven.apache.org/surefire/maven-surefire-plugin/xsd/surefire-test-report.xsd. [2]
/// `junit-10.xsd` of https://github.com/jenkinsci/xunit-plugin
public final class GateFiles {
  /// File name of the verdict as JSON.
  public static final String JSON = "gate.json";

  /// File name of the verdict as JUnit XML, for CI servers.
  public static final String XML = "gate.xml";

  private static final String KEY = "nudge_gate"; // both are read by a registry's GateCheck
  private static final int FORMAT = 1;

  private GateFiles() {}

  /// Writes both files into a folder.
  ///
  /// @throws dev.nudge.settings.RunException on an I/O error
  public static void write(Path folder, GateResult result) {
    OutFolder.make(folder);
    OutFolder.place(folder.resolve(XML), xml(result));
    OutFolder.place(folder.resolve(JSON), json(result));
  }

  /// Returns the text of `gate.json`.
  public static String json(GateResult result) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put(KEY, FORMAT);
    all.put("verdict", result.verdict().word());
    all.put("at", result.at().toString());
    all.put("policy", result.policy());
    all.put("digests", digests(result.digests()));
    all.put("rules", result.rules().stream().map(GateFiles::rule).toList());
    return Json.indented(all) + "\n";
  }

  private static Map<String, @Nullable Object> digests(Digests digests) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("base", digests.base());
    all.put("adapter", new TreeMap<>(digests.adapter()));
    all.put("tokenizer", digests.tokenizer());
    all.put("chat_template", digests.chatTemplate());
    all.put("tasks", new TreeMap<>(digests.tasks()));
    all.put("data", new TreeMap<>(digests.data()));
    all.put("seed", digests.seed());
    all.put("settings", new TreeMap<>(digests.settings()));
    all.put("policy", digests.policy());
    return all;
  }

  private static Map<String, @Nullable Object> rule(RuleResult result) {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("kind", result.rule().kind().word());
    all.putAll(result.rule().values());
    all.put("verdict", result.verdict().word());
    all.put("sentence", result.sentence());
    all.put("value", Json.finite(result.value()));
    all.put("before", Json.finite(result.before()));
    all.put("after", Json.finite(result.after()));
    all.put("low", Json.finite(result.low()));
    all.put("high", Json.finite(result.high()));
    all.put("limit", Json.finite(result.limit()));
    all.put("documents", result.documents());
    all.put("p", Json.finite(result.p()));
    all.put("p_holm", Json.finite(result.adjusted()));
    all.put("detectable", Json.finite(result.detectable()));
    return all;
  }

  private static final String CLASS = "nudge.gate";

  /// Returns the text of `gate.xml`.
  static String xml(GateResult result) {
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
