package dev.nudge.eval.judge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.data.tokens.Example;
import dev.nudge.eval.gate.GateFiles;
import dev.nudge.eval.gate.GateResult;
import dev.nudge.eval.gate.Verdict;
import dev.nudge.eval.judge.FakeServer.Answer;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.suite.Suite;
import dev.nudge.format.Json;
import dev.nudge.generate.Session;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Has the answers of a tiny model and of adapters on it judged, by a tiny model and by a server.
@Timeout(1800)
class JudgingTest {
  private static final Path MODEL = Goldens.MODEL;
  private static final Path ADAPTER = Goldens.ADAPTER;
  private static final Path OTHER = Goldens.OTHER;
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final String KEY = "sk-very-secret-0123456789";
  private static final String TEMPLATE =
      "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</s>{% endfor %}"
          + "{% if add_generation_prompt %}<assistant>{% endif %}";
  private static final int DOCUMENTS = 6;

  private final long before = Ledger.bytes();
  private final List<String> notes = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<Long> verdicts = Collections.synchronizedList(new ArrayList<>());

  @TempDir Path folder;

  @BeforeEach
  void write() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < DOCUMENTS; i++) {
      rows.append("{\"q\": \"the pump %d reads\", \"label\": %d}\n".formatted(i, i % 2));
    }
    Files.writeString(folder.resolve("quiz.jsonl"), rows);
    String task =
        """
        task: NAME
        dataset_path: json
        dataset_kwargs: {data_files: {test: quiz.jsonl}}
        test_split: test
        doc_to_text: "{{q}}"
        """;
    Files.writeString(
        folder.resolve("say.yaml"),
        task.replace("NAME", "say")
            + """
            doc_to_target: "right {{q}}"
            generation_kwargs: {until: ["."], max_gen_toks: 6}
            metric_list: [{metric: squad_f1}]
            """);
    Files.writeString(
        folder.resolve("quiz.yaml"),
        task.replace("NAME", "quiz")
            + """
            output_type: multiple_choice
            doc_to_choice: [" pump", " valve"]
            doc_to_target: label
            metric_list: [{metric: acc}]
            """);
    Files.writeString(
        folder.resolve("short.txt"), "{question}\nA: {answer_a}\nB: {answer_b}\nWhich?");
    Files.writeString(folder.resolve("key"), KEY + "\n");
    Files.createDirectories(folder.resolve("judge"));
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, folder.resolve("judge").resolve(file.getFileName()));
      }
    }
    Files.writeString(folder.resolve("judge/chat_template.jinja"), TEMPLATE);
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private EvaluateSettings settings(Map<String, Object> more) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("adapter", ADAPTER);
    values.put("compute", "fp32");
    values.put("tasks", List.of("quiz", "say"));
    values.put("tasks_dir", folder.toString());
    values.put("out", folder.resolve("out"));
    values.putAll(more);
    return EvaluateSettings.of(values);
  }

  private Suite.Judged run(Map<String, Object> more) {
    return Suite.run(
        settings(more),
        MACHINE,
        new Evaluation.Watcher() {
          @Override
          public void judging(long done, long all, String task) {
            verdicts.add(done);
          }

          @Override
          public void note(String line) {
            notes.add(line);
          }

          @Override
          public void warn(String line) {
            warnings.add(line);
          }
        });
  }

  /// Names and values by turns.
  private static Map<String, Object> pairs(Object... values) {
    Map<String, Object> pairs = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i += 2) {
      pairs.put((String) values[i], values[i + 1]);
    }
    return pairs;
  }

  private Map<String, Object> local(Object... more) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("judge", folder.resolve("judge").toString());
    values.put("judge_prompt", folder.resolve("short.txt"));
    values.putAll(pairs(more));
    return values;
  }

  private Map<String, Object> remote(FakeServer server, Object... more) {
    Map<String, Object> values = local(more);
    values.put("judge", server.url());
    values.put("judge_model", "large");
    values.put("judge_key_file", folder.resolve("key"));
    return values;
  }

  private static JudgeResult judge(Suite.Judged judged) {
    return requireNonNull(judged.judge());
  }

  private List<JsonNode> rows(String file) throws IOException {
    return Files.readAllLines(folder.resolve("out").resolve(file)).stream()
        .map(Json::parse)
        .toList();
  }

  @Test
  void aModelOfThisMachineJudgesAndItsVerdictIsTheLikeliestOfThree() throws IOException {
    Suite.Judged judged = run(local());
    JudgeResult result = judge(judged);
    assertThat(result.compared()).hasSize(1); // choices are no texts
    JudgeResult.Compared say = result.compared().getFirst();
    assertThat(List.of(say.task(), say.first(), say.second()))
        .containsExactly("say", "base", "adapter");
    assertThat(say.rate().unread()).isZero();
    assertThat(say.rate().pairs()).isEqualTo(DOCUMENTS);
    assertThat(verdicts.getLast()).isEqualTo(verdicts.size());
    assertThat(warnings).allMatch(line -> line.contains("has no nudge.json"));
    try (Session session =
        Session.load(
            ModelSettings.of(folder.resolve("judge")).withCompute(Compute.FP32),
            null,
            MACHINE,
            line -> {})) {
      for (Judged one : say.judged()) {
        Contest contest = one.contest();
        if (one.forward() == null) {
          assertThat(contest.first()).isEqualTo(contest.second());
          continue;
        }
        String prompt =
            "<user>%s\nA: %s\nB: %s\nWhich?</s><assistant>"
                .formatted(contest.question(), contest.first(), contest.second());
        assertThat(one.forward().choice()).isEqualTo(Choice.valueOf(likeliest(session, prompt)));
      }
    }
    JsonNode file = Json.read(folder.resolve("out/judge.json"));
    assertThat(file).isEqualTo(Json.tree(JudgeFiles.json(result)));
    assertThat(file.path("compared").path(0).path("win_rate").doubleValue())
        .isEqualTo(say.rate().rate());
    List<JsonNode> lines = rows("judge_say.jsonl");
    assertThat(lines).hasSize(DOCUMENTS);
    assertThat(lines.getFirst().path("question").asString()).isEqualTo("the pump 0 reads");
    assertThat(Files.readString(folder.resolve("out/report.md")))
        .contains("## Judge", "| `say` | adapter against base | 6 |");
    assertThat(Files.readString(folder.resolve("out/report.html")))
        .contains("<h2 id=\"judge-head\">Judge</h2>", "adapter against base");
    // The same verdicts without a question, in another folder by asking again.
    verdicts.clear();
    assertThat(judge(run(local()))).isEqualTo(result);
    assertThat(verdicts).isEmpty();
    assertThat(notes).anyMatch(line -> line.endsWith(" verdicts are there already"));
    assertThat(judge(run(local("out", folder.resolve("fresh"))))).isEqualTo(result);
    // Another judge's words do not count for this one, and an evaluation without one has none.
    Files.writeString(folder.resolve("short.txt"), "{answer_a}, {answer_b}: {question}");
    run(local());
    assertThat(verdicts).isNotEmpty();
    run(Map.of());
    assertThat(folder.resolve("out/judge.json")).doesNotExist();
    assertThat(folder.resolve("out/judge_say.jsonl")).doesNotExist();
    assertThat(folder.resolve("out/verdicts.jsonl")).exists();
  }

  /// The likeliest of the three, each scored as a whole turn.
  private static String likeliest(Session session, String prompt) {
    String best = "";
    double most = Double.NEGATIVE_INFINITY;
    for (String word : List.of("A", "B", "TIE")) {
      int[] start = session.encode(prompt);
      int[] end = session.tokenizer().ids(word + "</s>", false);
      int[] ids = Arrays.copyOf(start, start.length + end.length);
      System.arraycopy(end, 0, ids, start.length, end.length);
      double sum =
          session
              .score(List.of(Example.from(ids, start.length, 0)), 1, null, row -> {})
              .getFirst()
              .logprob();
      if (sum > most) {
        most = sum;
        best = word;
      }
    }
    return best;
  }

  @Test
  void aQuestionThatIsTooLongForTheJudgeIsNotRead() {
    Map<String, Object> standard = local();
    standard.remove("judge_prompt"); // longer than the 512 tokens of this model
    WinRate rate = judge(run(standard)).compared().getFirst().rate();
    assertThat(rate.unread() + rate.identical()).isEqualTo(DOCUMENTS);
    assertThat(rate.unread()).isPositive();
  }

  @Test
  void aServerIsAskedInBothOrdersAndItsKeyIsInNoFile() throws IOException {
    try (FakeServer server = new FakeServer((n, body) -> Answer.says(KEY + "\nA"))) {
      JudgeResult result = judge(run(remote(server, "compare", OTHER)));
      assertThat(result.compared()).hasSize(2);
      JudgeResult.Compared second = result.compared().getLast();
      assertThat(List.of(second.first(), second.second())).containsExactly("adapter", "compare");
      for (JudgeResult.Compared one : result.compared()) {
        WinRate rate = one.rate();
        assertThat(rate.rate()).isEqualTo(0.5);
        assertThat(rate.order().contradictions())
            .isEqualTo(DOCUMENTS - rate.identical())
            .isPositive();
        assertThat(rate.order().firstShare()).isEqualTo(1);
      }
      assertThat(server.keys).containsOnly("Bearer " + KEY);
      assertThat(rows("judge_say.jsonl")).hasSize(2 * DOCUMENTS);
      int asked = server.bodies.size();
      run(remote(server, "compare", OTHER));
      assertThat(server.bodies).hasSize(asked);
    }
    try (Stream<Path> files = Files.walk(folder.resolve("out"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        assertThat(Files.readString(file)).as(file.toString()).doesNotContain(KEY);
      }
    }
  }

  private JsonNode gate() {
    return Json.read(folder.resolve("out").resolve(GateFiles.JSON));
  }

  @Test
  void aPolicyAsksTheJudgeAndItsVerdictHangsOnWhatHeIsTold() throws IOException {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(policy, "judge: {task: say, at_least: 0.5}\n");
    try (FakeServer server = new FakeServer((n, body) -> Answer.says("TIE"))) {
      GateResult result = requireNonNull(run(remote(server, "policy", policy)).gate());
      assertThat(result.verdict()).isEqualTo(Verdict.INCONCLUSIVE); // six pairs are too few
      assertThat(result.rules().getFirst().documents()).isEqualTo(DOCUMENTS);
      assertThat(result.rules().getFirst().value()).isEqualTo(0.5);
      JsonNode first = gate().path("digests");
      assertThat(first.path("settings").path("judge").asString()).startsWith("sha256:");
      run(remote(server, "policy", policy));
      assertThat(gate().path("digests")).isEqualTo(first);
      Files.writeString(folder.resolve("short.txt"), "{question} {answer_a} {answer_b} Which?");
      run(remote(server, "policy", policy));
      ObjectNode second = (ObjectNode) gate().path("digests");
      JsonNode judge = first.path("settings").path("judge");
      assertThat(second.path("settings").path("judge")).isNotEqualTo(judge);
      ((ObjectNode) second.path("settings")).set("judge", judge);
      assertThat(second).isEqualTo(first); // and nothing else
      Files.writeString(
          policy, "floor: {task: quiz, metric: acc, at_least: 0, judged_by: point}\n");
      run(remote(server, "policy", policy));
      assertThat(gate().path("digests").path("settings").has("judge")).isFalse(); // nobody asks it
    }
  }

  @Test
  void aJudgeThatFailsLeavesItsRuleInconclusive() throws IOException {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(policy, "judge: {task: say, at_least: 0.1}\n");
    try (FakeServer server = new FakeServer((n, body) -> Answer.of(401, "expired"))) {
      assertThatThrownBy(() -> run(remote(server, "policy", policy)))
          .isInstanceOf(RunException.class);
    }
    assertThat(gate().path("verdict").asString()).isEqualTo("inconclusive");
    assertThat(Files.readString(folder.resolve("out/gate.json")))
        .contains("no judge results for say");
  }

  @Test
  void aPolicyThatAsksForWhatNoJudgeSaysIsRefusedFirst() throws IOException {
    Path policy = folder.resolve("policy.yaml");
    Files.writeString(policy, "judge: {task: quiz, at_least: 0.5}\n");
    refused(
        "D/policy.yaml: judge names the task quiz, which makes no texts (output_type"
            + " generate_until); name one that does: say",
        "policy",
        policy);
    assertThatThrownBy(() -> run(Map.of("policy", policy)))
        .isInstanceOf(InputException.class)
        .hasMessage(policy + ": judge asks for a win rate; give --judge, or leave it out");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void theRightAnswerIsShownWhereTheTextAsksForIt() throws IOException {
    Files.writeString(
        folder.resolve("short.txt"), "{question} [{reference}] {answer_a} {answer_b}");
    try (FakeServer server = new FakeServer((n, body) -> Answer.says("TIE"))) {
      run(remote(server));
      assertThat(server.bodies)
          .isNotEmpty()
          .allMatch(
              body ->
                  FakeServer.asked(body).matches("(?s)(the pump \\d reads) \\[right \\1\\] .*"));
    }
  }

  @Test
  void anUnreachableServerLosesNothing() throws IOException {
    // of eight that are asked at once the first four, both ways round of two documents
    SortedSet<Integer> documents = new ConcurrentSkipListSet<>();
    CountDownLatch asking = new CountDownLatch(8);
    FakeServer.Script expires =
        (n, body) -> {
          int document =
              Integer.parseInt(FakeServer.asked(body).replaceAll("(?s).*?pump (\\d) .*", "$1"));
          documents.add(document);
          asking.countDown();
          asking.await();
          if (documents.headSet(document).size() < 2) {
            return Answer.says("B");
          }
          while (verdicts.size() < 4) { // until those are told
            Thread.sleep(5);
          }
          return Answer.of(401, "expired");
        };
    try (FakeServer server = new FakeServer(expires)) {
      assertThatThrownBy(() -> run(remote(server)))
          .isInstanceOf(RunException.class)
          .hasMessageContaining("answers 401: expired; give a key that may do this")
          .hasMessageEndingWith(
              "; answers and verdicts are kept in %s, and the same command goes on from there"
                  .formatted(folder.resolve("out")));
      assertThat(folder.resolve("out/results.json")).exists();
      assertThat(folder.resolve("out/report.html")).exists();
      assertThat(folder.resolve("out/judge.json")).doesNotExist();
      Set<String> asked = ConcurrentHashMap.newKeySet(); // a late request is of these too
      server.script(
          (n, body) -> {
            asked.add(FakeServer.asked(body));
            return Answer.says("B");
          });
      Suite.Judged rest = run(remote(server));
      assertThat(rest.outcome().asked()).isZero();
      long all =
          judge(rest).compared().getFirst().judged().stream()
              .filter(j -> j.forward() != null)
              .count();
      assertThat(asked).hasSize((int) (2 * all) - 4);
      assertThat(folder.resolve("out/judge.json")).exists();
    }
  }

  @Test
  void peopleAreComparedWithTheJudge() throws Exception {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      String label = i < 3 ? "a" : i < 6 ? "b" : "tie";
      rows.append(
          "{\"question\": \"q%d\", \"answer_a\": \"x\", \"answer_b\": \"y\", \"label\": \"%s\"}\n"
              .formatted(i, label));
    }
    Path labels = Files.writeString(folder.resolve("labels.jsonl"), rows);
    // q0 to q4 as people say, q5 hangs on the order, q6 and q7 are read as x
    FakeServer.Script script =
        (n, body) -> {
          String text = FakeServer.asked(body);
          boolean forward = text.contains("A: x");
          int number = text.charAt(1) - '0';
          String better = number < 3 || number > 5 ? "x" : "y";
          return Answer.says(number == 5 || better.equals("x") == forward ? "A" : "B");
        };
    try (FakeServer server = new FakeServer(script)) {
      Map<String, Object> values = remote(server, "judge_labels", labels, "tasks", List.of("quiz"));
      JudgeResult result = judge(run(values));
      assertThat(result.compared()).isEmpty();
      Agreement agreement = requireNonNull(result.agreement());
      assertThat(agreement.all().pairs()).isEqualTo(8);
      assertThat(agreement.all().agreed()).isEqualTo(5);
      assertThat(agreement.decided().pairs()).isEqualTo(5);
      assertThat(agreement.decided().kappa()).isEqualTo(1);
      assertThat(agreement.table())
          .containsExactly(List.of(3, 0, 0), List.of(0, 2, 1), List.of(2, 0, 0));
      assertThat(agreement.order().contradictions()).isEqualTo(1);
      assertThat(rows("judge-labels.jsonl")).hasSize(8);
      JsonNode file = Json.read(folder.resolve("out/judge.json"));
      assertThat(file.path("agreement").path("table").path("b").path("tie").intValue()).isOne();
      assertThat(Files.readString(folder.resolve("out/report.html")))
          .contains("What people say, and what the judge says of the same pairs")
          .contains("Of these pairs 12.5 % are contradictory");
      DocumentBuilderFactory.newInstance()
          .newDocumentBuilder()
          .parse(folder.resolve("out/report.html").toFile()); // every element is closed
    }
  }

  @Test
  void aColumnThatATaskNamesTellsWhichPairsHangTogether() throws IOException {
    Path task = folder.resolve("say.yaml");
    Files.writeString(task, Files.readString(task) + "metadata: {cluster: label}\n");
    try (FakeServer server = new FakeServer((n, body) -> Answer.says("TIE"))) {
      assertThat(judge(run(remote(server))).compared().getFirst().rate().clusters()).isEqualTo(2);
    }
  }

  private void refused(String message, Object... more) {
    assertThatThrownBy(() -> run(local(more)))
        .isInstanceOf(InputException.class)
        .hasMessage(message.replace("D/", folder + "/"));
    assertThat(folder.resolve("out")).doesNotExist(); // before anything was asked
  }

  @Test
  void mistakesAreFoundBeforeAnyModelIsLoaded() throws IOException {
    refused(
        "--judge compares texts, and no task of --tasks makes any (output_type generate_until);"
            + " name one that does",
        "tasks",
        List.of("quiz"));
    refused(
        "--judge D/none is no folder; give a model folder, or a URL that begins with http:// or"
            + " https://",
        "judge",
        folder.resolve("none").toString());
    refused(
        "--judge: %s has no chat template; a judge has to follow what it is told, so give a model that was taught to"
            .formatted(MODEL),
        "judge",
        MODEL.toString());
    refused(
        "--judge-prompt D/none cannot be read: no such file or folder",
        "judge_prompt",
        folder.resolve("none"));
    refused("--judge-labels D/none is not there", "judge_labels", folder.resolve("none"));
    refused(
        "--judge-key-file D/none cannot be read: no such file or folder",
        "judge",
        "https://judge.example/v1",
        "judge_model",
        "large",
        "judge_key_file",
        folder.resolve("none"));
    Files.delete(folder.resolve("judge/model.safetensors"));
    assertThatThrownBy(() -> run(local()))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--judge: ");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void labelsThatAJudgementWouldRemoveAreRefused() throws IOException {
    Path out = Files.createDirectories(folder.resolve("out"));
    Path labels = Files.writeString(out.resolve("judge-labels.jsonl"), "{}\n");
    assertThatThrownBy(() -> run(local("judge_labels", out.resolve("../out/judge-labels.jsonl"))))
        .isInstanceOf(InputException.class)
        .hasMessageEndingWith(
            "judge-labels.jsonl is a file that a judgement writes into --out; give another, or"
                + " another --out");
    assertThat(labels).hasContent("{}\n");
    Judging.of(settings(local("out", folder.resolve("elsewhere"))), MACHINE, warnings::add);
    assertThat(JudgeFiles.writes(folder.resolve("elsewhere"), labels)).isFalse();
  }

  @Test
  void aJudgeWhoseConfigIsAnotherIsAskedAgain() throws IOException {
    run(local());
    verdicts.clear();
    run(local());
    assertThat(verdicts).isEmpty();
    Path config = folder.resolve("judge/config.json");
    String text = Files.readString(config);
    String other = text.replaceAll("(\"rms_norm_eps\": *)[^,\\s]+", "$10.01");
    assertThat(other).isNotEqualTo(text);
    Files.writeString(config, other);
    run(local());
    assertThat(verdicts).isNotEmpty();
  }

  @Test
  void settingsThatDoNotGoTogetherAreRefused() {
    wrong("--judge-model is given without --judge; add it", "judge_model", "large");
    wrong("--judge-labels is given without --judge; add it", "judge_labels", "x");
    wrong(
        "--judge is a URL, and --judge-model is missing; name the model that it shall be asked for",
        "judge",
        "https://judge.example/v1");
    wrong(
        "--judge-key-file is given and --judge is a folder; it goes with a URL (http:// or"
            + " https://), so leave one out",
        "judge",
        "judge",
        "judge_key_file",
        "key");
    wrong("--judge is ' '; it must not be blank", "judge", " ");
    assertThatThrownBy(
            () ->
                EvaluateSettings.of(
                    Map.of("model", MODEL, "tasks", "say", "out", "out", "judge", "judge")))
        .isInstanceOf(InputException.class)
        .hasMessage("--judge has nothing to compare; add --adapter, --compare or --judge-labels");
  }

  private void wrong(String message, Object... values) {
    assertThatThrownBy(() -> settings(pairs(values)))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  @Test
  void whoJudgesThemselvesOrSendsAKeyInTheOpenIsWarned() {
    Judging.of(settings(local("model", folder.resolve("judge"))), MACHINE, warnings::add);
    assertThat(warnings)
        .containsExactly(
            "--judge is the model that is judged, and models like what they would say themselves");
    warnings.clear();
    Judging.of(
        settings(
            local(
                "judge",
                "http://judge.example/v1",
                "judge_model",
                "large",
                "judge_key_file",
                folder.resolve("key"))),
        MACHINE,
        warnings::add);
    assertThat(warnings)
        .containsExactly("--judge is no https:// address, so its key can be read on the way there");
  }
}
