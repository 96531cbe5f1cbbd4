package dev.nudge.eval.report;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.gate.Digests;
import dev.nudge.eval.gate.Gate;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.MadeOutcomes;
import dev.nudge.eval.gate.Policy;
import dev.nudge.eval.gate.PolicyFile;
import dev.nudge.eval.gate.RuleResult;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.Outcome;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.EvaluateSettings;
import java.io.StringReader;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;
import tools.jackson.databind.JsonNode;

/// Judge and report what a tiny model and an adapter on it really answer, on tasks of every kind.
class EvaluatedReportTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path CASES = GOLDEN.resolve("lm-eval");
  private static final Path ADAPTER = Goldens.ADAPTER;
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final Instant AT = Instant.parse("2026-01-02T03:04:05Z");

  @TempDir Path folder;

  private Outcome evaluate() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", Goldens.MODEL);
    values.put("adapter", ADAPTER);
    values.put("compute", "fp32");
    values.put("tasks_dir", CASES.resolve("tasks").toString());
    values.put("data_dir", CASES.resolve("data"));
    values.put("tasks", List.of("yesno,listed,sums,prose,last_word"));
    values.put("out", folder.resolve("out"));
    return Evaluation.of(EvaluateSettings.of(values), MACHINE, new Evaluation.Watcher() {});
  }

  @Test
  void whatAModelAnsweredIsJudgedAndShown() throws Exception {
    Outcome outcome = evaluate();
    Policy policy =
        PolicyFile.parse(
            "policy.yaml",
            """
            improve: {task: yesno, metric: acc}
            retain: {task: prose, metric: bits_per_byte, margin: 100}
            ceiling: {task: prose, metric: bits_per_byte, at_most: 1000, judged_by: point}
            floor: {task: yesno, metric: mcc, at_least: -1, judged_by: point}
            """);
    Digests digests =
        new Digests(
            "sha256:base",
            Digests.adapter(ADAPTER),
            "sha256:tokenizer",
            null,
            Digests.tasks(outcome.main()),
            Digests.data(outcome.main()),
            0,
            Map.of(),
            policy.digest());
    assertThat(digests.adapter()).hasSize(2);
    assertThat(digests.tasks()).hasSize(5);
    GateResult gate = Gate.judge(policy, MadeOutcomes.evidence(outcome), digests, AT);
    assertThat(gate.rules()).hasSize(4);
    assertThat(gate.rules().subList(2, 4))
        .extracting(RuleResult::verdict)
        .containsOnly(Verdict.PASS);
    GateFiles.write(folder.resolve("report"), gate);
    JsonNode written = Json.read(folder.resolve("report").resolve(GateFiles.JSON)).path("digests");
    assertThat(written.path("adapter")).isEqualTo(Json.tree(new TreeMap<>(digests.adapter())));
    assertThat(written.path("data")).isEqualTo(Json.tree(new TreeMap<>(digests.data())));

    ReportData data = ReportData.of("grouped-tied", outcome, AT).withGate(gate);
    ReportView view = ReportView.of(data);
    Map<String, ReportView.TaskView> tasks = new LinkedHashMap<>();
    view.pairs().getFirst().tasks().forEach(task -> tasks.put(task.name(), task));
    // choices have probabilities, texts and rolling likelihoods have none
    for (String name : List.of("yesno", "listed")) {
      ReportView.TaskView task = requireNonNull(tasks.get(name));
      assertThat(requireNonNull(task.after()).documents()).isEqualTo(task.documents());
    }
    assertThat(requireNonNull(tasks.get("sums")).after()).isNull();
    assertThat(requireNonNull(tasks.get("prose")).after()).isNull();
    String html = HtmlReport.of(view);
    assertThat(html).doesNotContain("NaN", "Infinity");
    DocumentBuilderFactory.newInstance()
        .newDocumentBuilder()
        .parse(new InputSource(new StringReader(html)));
    assertThat(MarkdownReport.of(view)).contains("## Gate: ", "`bits_per_byte` (less is better)");
    // the number of the table is that of the evaluation
    ResultRow acc = view.pairs().getFirst().rows().getFirst();
    TaskScores scores = requireNonNull(outcome.main().tasks().get(acc.task()));
    assertThat(acc.after()).isEqualTo(requireNonNull(scores.scores().get("acc,none")).value());
  }
}
