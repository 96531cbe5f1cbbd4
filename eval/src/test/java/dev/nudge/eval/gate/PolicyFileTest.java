package dev.nudge.eval.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.gate.Rule.Kind;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Read policies.
class PolicyFileTest {
  private static final String WHOLE =
      """
      # what legal must show
      confidence: 0.9
      improve:
        - {task: legal, metric: acc, by: 0.02}
        - {task: legal, metric: "exact_match,strict", confidence: 0.99}
      retain: {task: general, metric: acc, margin: 2e-2}
      floor: [{task: legal, metric: acc, at_least: 0.6, judged_by: bound}]
      ceiling: [{task: prose, metric: bits_per_byte, at_most: 1, judged_by: point}]
      judge: {task: legal, at_least: 0.5}
      leakage: {at_most: 0.01, kinds: [exact, near]}
      latency: {seconds_per_request: 0.5, tokens_per_second: 100}
      """;

  @Test
  void theExampleHasAFloor() {
    Policy policy = PolicyFile.read(Path.of("../examples/tickets-policy.yaml"));
    assertThat(policy.rules())
        .filteredOn(rule -> rule.kind() == Kind.FLOOR)
        .singleElement()
        .isInstanceOfSatisfying(
            Rule.Limit.class,
            floor -> {
              assertThat(floor.limit()).isGreaterThan(0.57);
              assertThat(floor.by()).isEqualTo(Rule.By.POINT);
            });
  }

  @Test
  void allKindsOfRulesAreRead() {
    Policy policy = PolicyFile.parse("p.yaml", WHOLE);
    assertThat(policy.rules())
        .extracting(Rule::name)
        .containsExactly(
            "improve legal acc",
            "improve legal exact_match,strict",
            "retain general acc",
            "floor legal acc",
            "ceiling prose bits_per_byte",
            "judge legal",
            "leakage",
            "latency seconds_per_request",
            "latency tokens_per_second");
    assertThat(((Rule.Improve) policy.rules().get(0)).confidence()).isEqualTo(0.9);
    assertThat(((Rule.Improve) policy.rules().get(1)).confidence()).isEqualTo(0.99);
    assertThat(((Rule.Retain) policy.rules().get(2)).margin()).isEqualTo(0.02);
  }

  @Test
  void theExampleIsAPolicy() {
    Policy policy = PolicyFile.read(Path.of("../examples/policy.yaml"));
    assertThat(policy.rules())
        .extracting(rule -> rule.kind().word())
        .containsExactly("improve", "retain", "floor", "ceiling", "leakage", "latency");
    policy.check( // as the packs have it
        Map.of(
            "legal_questions", Set.of("exact_match"),
            "retention_knowledge", Set.of("acc"),
            "retention_text", Set.of("bits_per_byte")),
        Map.of(),
        true);
  }

  @Test
  void jsonSaysTheSameAndHasTheSameDigest() {
    String json =
        """
        {"retain": [{"margin": 0.02, "metric": "acc", "task": "general"}],
        \t"confidence": 0.9}
        """;
    Policy read = PolicyFile.parse("p.json", json);
    Policy yaml =
        PolicyFile.parse(
            "p", "# other\nretain: {task: general, metric: acc, margin: 0.02, confidence: 0.9}");
    assertThat(read.rules()).isEqualTo(yaml.rules());
    assertThat(read.digest()).isEqualTo(yaml.digest()).startsWith("sha256:");
    Policy other =
        PolicyFile.parse(
            "p", "retain: {task: general, metric: acc, margin: 0.03, confidence: 0.9}");
    assertThat(other.digest()).isNotEqualTo(yaml.digest());
  }

  @Test
  void everyKindOfRuleIsInTheFileAboveAndNoOther() {
    assertThat(PolicyFile.parse("p.yaml", WHOLE).rules())
        .extracting(Rule::kind)
        .containsOnly(Kind.values());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "improve: {task: a} | p: improve: metric is missing; it must be a name",
        "improve: [{task: a, metric: acc}, {task: 3, metric: acc}] | p: improve, rule 2: task is 3;"
            + " it must be a name",
        "improve: {task: a, metric: acc, by: -1} | p: improve: by is -1; it must be 0 or more",
        "improve: {task: a, metric: acc, by: .nan} | p: improve: by is NaN; it must be a number",
        "improve: {task: a, metric: acc, confidence: 95} | p: improve: confidence is 95; it must be"
            + " above 0.5 and below 1",
        "retain: {task: a, metric: acc, margin: 1, confidence: 0.5} | p: retain: confidence is 0.5;"
            + " it must be above 0.5 and below 1",
        "{confidence: 0.5, leakage: {at_most: 0}} | p: confidence is 0.5; it must be above 0.5 and"
            + " below 1",
        "judge: {task: a, at_least: 0.5, confidence: 1} | p: judge: confidence is 1; it must be"
            + " above 0.5 and below 1",
        "improve: {task: a, metric: acc, margin: 1} | p: improve: 'margin' is no key there; there"
            + " are task, metric, filter, by, confidence",
        "retain: {task: a, metric: acc} | p: retain: margin is missing; it must be a number",
        "retain: {task: a, metric: acc, margin: 0} | p: retain: margin is 0; it must be above 0",
        "floor: {task: a, metric: acc, at_least: 1} | p: floor: judged_by is missing; it must be"
            + " bound or point",
        "floor: {task: a, metric: acc, at_least: x, judged_by: point} | p: floor: at_least is 'x';"
            + " it must be a number",
        "ceiling: {task: a, metric: acc, at_most: 1, judged_by: mean} | p: ceiling: judged_by is"
            + " 'mean'; it must be bound or point",
        "judge: {task: a} | p: judge: at_least is missing; it must be a number",
        "judge: {at_least: 0.5} | p: judge: task is missing; it must be a name",
        "judge: {task: a, at_least: 1} | p: judge: at_least is 1; it must be a share above 0 and"
            + " below 1",
        "judge: {task: a, at_least: 50} | p: judge: at_least is 50; it must be a share above 0 and"
            + " below 1",
        "judge: {task: a, metric: acc, at_least: 0.5} | p: judge: 'metric' is no key there; there"
            + " are task, at_least, confidence",
        "leakage: {at_most: 2} | p: leakage: at_most is 2; it must be a share from 0 to 1",
        "leakage: {at_most: 0, kinds: [fuzzy]} | p: leakage: kinds is [fuzzy]; it must be a list of"
            + " exact, normalised, runs, near",
        "latency: {} | p: latency says nothing; it has seconds_per_request, tokens_per_second or"
            + " both",
        "latency: {seconds: 1} | p: latency: 'seconds' is no key there; there are"
            + " seconds_per_request, tokens_per_second; did you mean seconds_per_request?",
        "improv: {task: a, metric: acc} | p: 'improv' is no key there; there are confidence,"
            + " improve, retain, floor, ceiling, judge, leakage, latency; did you mean improve?",
        "improve: | p: improve is null; it must be a rule or a list of rules",
        "improve: [3] | p: improve has 3; a rule is a map such as {task: name, …}",
        "confidence: 0.9 | p holds no rule; a policy has at least one of improve, retain, floor,"
            + " ceiling, judge, leakage, latency",
        "[] | p holds no rule; a policy has keys such as improve and retain",
        "improve: [{ | p line 1, column 12: this is not YAML: expected the node content, but found"
            + " '<stream end>'",
      })
  void aMistakeIsOneLine(String text, String message) {
    assertThatThrownBy(() -> PolicyFile.parse("p", text))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @Test
  void aJudgeIsAskedOnlyAboutTasksThatMakeTexts() {
    Policy policy = PolicyFile.parse("p", "judge: {task: say, at_least: 0.5}");
    assertThat(policy.asksJudge()).isTrue();
    assertThat(policy.asksLeaks()).isFalse();
    Policy leaks = PolicyFile.parse("p", "leakage: {at_most: 0}");
    assertThat(leaks.asksJudge()).isFalse();
    assertThat(leaks.asksLeaks()).isTrue();
    policy.check(Map.of("say", Set.of("f1")), Map.of(), true);
    policy.checkTexts(Set.of("say", "quiz"), Set.of("say"));
    assertThatThrownBy(() -> policy.checkTexts(Set.of("say", "tell"), Set.of("tell")))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "p: judge names the task say, which makes no texts (output_type generate_until); name"
                + " one that does: tell");
    assertThatThrownBy(() -> policy.check(Map.of("says", Set.of("f1")), Map.of(), true))
        .hasMessage(
            "p: judge names the task say, which is not evaluated; --tasks has says; did you mean"
                + " says?");
    assertThatThrownBy(
            () -> policy.check(Map.of(), Map.of("say", java.util.List.of("one", "two")), true))
        .hasMessage(
            "p: judge names the group say; a win rate is of one task: name one of one, two");
    assertThatThrownBy(() -> policy.check(Map.of("say", Set.of("f1")), Map.of(), false))
        .hasMessage(
            "p: improve, retain and judge compare a model with its base; give --adapter, or leave"
                + " them out");
  }

  @Test
  void aFileThatCannotBeReadIsNamed(@TempDir Path folder) throws Exception {
    Path none = folder.resolve("none.yaml");
    assertThatThrownBy(() -> PolicyFile.read(none))
        .hasMessage("--policy is " + none + "; there is no such file");
    Path bytes = folder.resolve("bytes.yaml");
    Files.write(bytes, new byte[] {(byte) 0xff});
    assertThatThrownBy(() -> PolicyFile.read(bytes)).hasMessage(bytes + " is not UTF-8 text");
    Path whole = folder.resolve("whole.yaml");
    Files.writeString(whole, WHOLE);
    assertThat(PolicyFile.read(whole).rules()).hasSize(9);
  }
}
