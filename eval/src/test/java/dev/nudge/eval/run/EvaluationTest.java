package dev.nudge.eval.run;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.eval.task.TaskTexts;
import dev.nudge.format.Json;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.tensor.Ledger;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// Evaluates a tiny model and adapters on it on small tasks.
class EvaluationTest {
  private static final Path MODEL = Goldens.MODEL;
  private static final Path ADAPTER = Goldens.ADAPTER;
  private static final Path OTHER = Goldens.OTHER;
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  private static final String QUIZ =
      """
      task: quiz
      dataset_path: json
      dataset_kwargs: {data_files: {test: quiz.jsonl}}
      test_split: test
      output_type: multiple_choice
      doc_to_text: "{{q}}"
      doc_to_choice: [" pump", " valve", " seal"]
      doc_to_target: label
      metric_list: [{metric: acc}, {metric: brier_score}]
      """;
  private static final String SAY =
      """
      task: say
      dataset_path: json
      dataset_kwargs: {data_files: {test: quiz.jsonl}}
      test_split: test
      doc_to_text: "{{q}}"
      doc_to_target: "{{q}}"
      generation_kwargs: {until: ["."], max_gen_toks: 5}
      metric_list: [{metric: exact_match}, {metric: squad_f1}, {metric: rougeL}]
      """;

  private final long before = Ledger.bytes();
  private final List<String> notes = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();
  private final List<long[]> progress = new ArrayList<>();

  @TempDir Path folder;

  @BeforeEach
  void write() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 12; i++) {
      rows.append("{\"q\": \"the pump %d reads\", \"label\": %d}\n".formatted(i, i % 3));
    }
    Files.writeString(folder.resolve("quiz.jsonl"), rows);
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ);
    Files.writeString(folder.resolve("say.yaml"), SAY);
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(Ledger.bytes()).isEqualTo(before);
  }

  private Outcome run(Map<String, Object> more) {
    return run(more, new Told());
  }

  private Outcome run(Map<String, Object> more, Evaluation.Watcher watcher) {
    return Evaluation.of(settings(more), MACHINE, 1000, watcher);
  }

  private EvaluateSettings settings(Map<String, Object> more) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", List.of("quiz", "say"));
    values.put("tasks_dir", folder.toString());
    values.put("out", folder.resolve("out"));
    values.putAll(more);
    return EvaluateSettings.of(values);
  }

  private class Told implements Evaluation.Watcher {
    @Override
    public void progress(long tokens, long all, String task, String model) {
      progress.add(new long[] {tokens, all});
    }

    @Override
    public void note(String line) {
      notes.add(line);
    }

    @Override
    public void warn(String line) {
      warnings.add(line);
    }
  }

  @Test
  void whatIsAnsweredIsNotAskedAgain() {
    Outcome first = run(Map.of());
    assertThat(first.asked()).isEqualTo(first.requests()).isEqualTo(12 * 3 + 12);
    Outcome again = run(Map.of());
    assertThat(again.asked()).isZero();
    assertThat(again.summary()).isEqualTo(first.summary());
    assertThat(notes).containsExactly("48 of 48 requests are answered already");
    // More shots are other requests, an adapter is another model; what was answered stays.
    Outcome adapted = run(Map.of("adapter", ADAPTER));
    assertThat(adapted.asked()).isEqualTo(48);
    assertThat(adapted.requests()).isEqualTo(96);
    assertThat(run(Map.of("tasks", List.of("quiz"), "limit", 3)).asked()).isZero();
  }

  /// The weights say something else by another norm, and end elsewhere by another end token.
  @Test
  void whatWasAnsweredWithAnotherConfigIsAskedAgain() throws IOException {
    Path model = Files.createDirectories(folder.resolve("model"));
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    Outcome first = run(Map.of("model", model));
    Path config = model.resolve("config.json");
    String text = Files.readString(config);
    String other = text.replaceAll("(\"rms_norm_eps\": *)[^,\\s]+", "$10.5");
    assertThat(other).isNotEqualTo(text);
    Files.writeString(config, other);
    Outcome changed = run(Map.of("model", model));
    assertThat(changed.asked()).isEqualTo(first.asked());
    assertThat(changed.summary()).isNotEqualTo(first.summary());
    Files.writeString(model.resolve("generation_config.json"), "{\"eos_token_id\": [1, 5]}");
    assertThat(run(Map.of("model", model)).asked()).isEqualTo(first.asked());
    Files.copy(
        MODEL.resolve("generation_config.json"),
        model.resolve("generation_config.json"),
        StandardCopyOption.REPLACE_EXISTING);
    assertThat(run(Map.of("model", model)).asked()).isZero();
    // Another tokenizer makes other texts of the same tokens; what was scored stays.
    Path tokenizer = model.resolve("tokenizer.json");
    Files.writeString(tokenizer, Files.readString(tokenizer) + "\n");
    assertThat(run(Map.of("model", model)).asked()).isEqualTo(12);
  }

  @Test
  void aRunThatStoppedGoesOnWhereItWas() throws IOException {
    IllegalStateException stop = new IllegalStateException("stop");
    Evaluation.Watcher stops =
        new Evaluation.Watcher() {
          @Override
          public void progress(long tokens, long all, String task, String model) {
            if (task.equals("say")) {
              throw stop;
            }
          }
        };
    assertThatThrownBy(() -> run(Map.of(), stops)).isSameAs(stop);
    Path answers = folder.resolve("out/answers.jsonl");
    List<String> lines = Files.readAllLines(answers).stream().filter(l -> !l.isBlank()).toList();
    assertThat(lines).hasSize(12 * 3 + 1);
    // The last line as a kill may leave it.
    String all = Files.readString(answers);
    Files.writeString(answers, all.substring(0, all.length() - 20));
    Outcome rest = run(Map.of());
    assertThat(rest.asked()).isEqualTo(12);
    assertThat(Json.read(folder.resolve("out/results.json")).path("results").propertyNames())
        .containsExactly("quiz", "say");
    assertThat(run(Map.of("out", folder.resolve("fresh"))).summary()).isEqualTo(rest.summary());
  }

  private static List<List<String>> said(Outcome outcome) {
    List<List<String>> all = new ArrayList<>();
    for (TaskScores.Scored scored : requireNonNull(outcome.main().tasks().get("say")).samples()) {
      List<String> texts = new ArrayList<>();
      scored.answers().getFirst().forEach(one -> texts.add(one.stringValue()));
      all.add(texts);
    }
    return all;
  }

  @Test
  void drawnAnswersAreThoseOfOneGoWhateverWasAskedBefore() throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"),
        TaskTexts.with(
                SAY,
                "generation_kwargs: {until: [\".\"], max_gen_toks: 5, do_sample: true, temperature:"
                    + " 1.0}")
            + "repeats: 3\n");
    List<List<String>> whole = said(run(Map.of("out", folder.resolve("whole"))));
    IllegalStateException stop = new IllegalStateException("stop");
    Evaluation.Watcher stops =
        new Evaluation.Watcher() {
          private int told;

          @Override
          public void progress(long tokens, long all, String task, String model) {
            if (task.equals("say") && ++told == 3 * 5 + 1) {
              throw stop;
            }
          }
        };
    assertThatThrownBy(() -> run(Map.of(), stops)).isSameAs(stop);
    Outcome rest = run(Map.of());
    assertThat(rest.asked()).isEqualTo(12 - 5);
    assertThat(said(rest)).isEqualTo(whole);
    // another task first, and half of the documents
    Map<String, Object> other = Map.of("tasks", List.of("say"), "out", folder.resolve("other"));
    Map<String, Object> few = new LinkedHashMap<>(other);
    few.put("limit", 6);
    assertThat(said(run(few))).isEqualTo(whole.subList(0, 6));
    assertThat(said(run(other))).isEqualTo(whole);
    // each repeat has draws of its own, and so has each document
    for (int i = 0; i < 3; i++) {
      int repeat = i;
      assertThat(whole.stream().map(texts -> texts.get(repeat)).distinct().count())
          .isGreaterThan(6);
      assertThat(whole.stream().filter(t -> t.get(repeat).equals(t.get((repeat + 1) % 3))))
          .hasSizeLessThan(6);
    }
  }

  @Test
  void eachTextIsMadeIntoTokensOnceForAllModels() throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"), TaskTexts.with(SAY, "doc_to_text: \"say {{q}}\""));
    Map<String, Integer> texts = new LinkedHashMap<>();
    Outcome outcome =
        Evaluation.of(
            settings(Map.of("adapter", ADAPTER, "compare", OTHER)),
            MACHINE,
            1000,
            new Told(),
            encoder ->
                (text, adds) -> {
                  texts.merge(text, 1, Integer::sum);
                  return encoder.ids(text, adds);
                });
    assertThat(outcome.models()).hasSize(3);
    assertThat(outcome.asked()).isEqualTo(3 * (12 * 3 + 12));
    // of each document its question, that with each of three choices, and what is continued
    assertThat(texts).hasSize(12 * (1 + 3 + 1)).containsKey("say the pump 11 reads");
    assertThat(texts.values()).containsOnly(1);
  }

  @Test
  void answersAreFoundAgainUnderALocaleWithOtherDigits() {
    Locale own = Locale.getDefault();
    Outcome first = run(Map.of());
    try {
      Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
      assertThat(String.format("%d", 48)).isNotEqualTo("48");
      Outcome again = run(Map.of());
      assertThat(again.asked()).isZero();
      assertThat(again.summary()).isEqualTo(first.summary());
      assertThat(notes).containsExactly("48 of 48 requests are answered already");
    } finally {
      Locale.setDefault(own);
    }
  }

  @Test
  void progressEndsWithAllTokens() {
    run(Map.of("adapter", ADAPTER));
    assertThat(progress.getLast()[0]).isEqualTo(progress.getLast()[1]);
    long last = 0;
    for (long[] told : progress) {
      assertThat(told[0]).isBetween(last, told[1]);
      last = told[0];
    }
  }

  @Test
  void twoAdaptersAnswerTheSameRequestsAsTheirBase() {
    Outcome outcome = run(Map.of("adapter", ADAPTER, "compare", OTHER));
    assertThat(outcome.models())
        .extracting(ModelResults::name)
        .containsExactly("base", "adapter", "compare");
    assertThat(outcome.main().name()).isEqualTo("adapter");
    assertThat(outcome.differences()).containsOnlyKeys("adapter", "compare");
    Outcome base = run(Map.of("out", folder.resolve("base")));
    Outcome other = run(Map.of("out", folder.resolve("other"), "adapter", OTHER));
    assertThat(outcome.summary().get("base")).isEqualTo(base.summary().get("results"));
    assertThat(outcome.summary().get("compare")).isEqualTo(other.summary().get("results"));
    assertThat(outcome.summary().get("results")).isNotEqualTo(base.summary().get("results"));
    for (String name : List.of("", "base/", "compare/")) {
      JsonNode results = Json.read(folder.resolve("out/" + name + "results.json"));
      assertThat(results.path("results").path("quiz").path("sample_len").intValue()).isEqualTo(12);
      assertThat(folder.resolve("out/" + name + "samples_quiz.jsonl")).exists();
    }
    assertThat(
            Json.read(folder.resolve("out/results.json"))
                .path("config")
                .path("model_args")
                .path("peft")
                .stringValue())
        .isEqualTo(ADAPTER.toString());
  }

  private static List<Difference> differences(Outcome outcome) {
    return requireNonNull(requireNonNull(outcome.differences().get("adapter")).get("quiz"));
  }

  private static TaskScores.Score score(Outcome outcome, int model, String key) {
    TaskScores task = requireNonNull(outcome.models().get(model).tasks().get("quiz"));
    return requireNonNull(task.scores().get(key));
  }

  @Test
  void aDifferenceIsThatOfTheDocuments() {
    Outcome outcome = run(Map.of("adapter", ADAPTER));
    for (Difference d : differences(outcome)) {
      TaskScores.Score was = score(outcome, 0, d.key());
      TaskScores.Score is = score(outcome, 1, d.key());
      assertThat(d.value()).isEqualTo(is.value() - was.value());
      boolean exact = d.key().equals("acc,none");
      assertThat(d.test()).isEqualTo(exact ? "mcnemar" : "bootstrap");
      if (exact) {
        assertThat(d.low()).isLessThanOrEqualTo(d.value());
        assertThat(d.high()).isGreaterThanOrEqualTo(d.value());
        assertThat(d.p()).isBetween(0.0, 1.0);
      } else {
        // twelve documents are too few for a bootstrap
        assertThat(new double[] {d.low(), d.high(), d.p(), d.detectable()})
            .containsOnly(Double.NaN);
      }
    }
    Difference acc = differences(outcome).getFirst();
    assertThat(acc.value()).isEqualTo((acc.fixed() - acc.broken()) / 12.0);
  }

  @Test
  void documentsOfOneColumnsValueAreDrawnTogether() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 63; i++) {
      String page = i < 60 ? "\"page\": %d, ".formatted(i / 3) : "";
      rows.append("{%s\"q\": \"the pump %d reads\", \"label\": %d}\n".formatted(page, i, i % 3));
    }
    Files.writeString(folder.resolve("quiz.jsonl"), rows);
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ + "metadata: {cluster: page}\n");
    Map<String, Object> asked = Map.of("adapter", ADAPTER, "tasks", List.of("quiz"));
    Outcome clustered = run(asked);
    assertThat(score(clustered, 1, "acc,none").units().count()).isEqualTo(23); // 20 pages, 3 rows
    for (Difference d : differences(clustered)) {
      assertThat(d.test()).isEqualTo("cluster_bootstrap");
      assertThat(d.clusters()).isEqualTo(23);
      assertThat(d.low()).isLessThanOrEqualTo(d.value());
    }
    Difference acc = differences(clustered).getFirst();
    assertThat(acc.counted()).isTrue();
    assertThat(acc.value()).isEqualTo((acc.fixed() - acc.broken()) / 63.0);
    // few clusters tell nothing, and standard errors stay the harness's
    Map<String, Object> few = new LinkedHashMap<>(asked);
    few.put("limit", 30);
    for (Difference d : differences(run(few))) {
      assertThat(d.clusters()).isEqualTo(10);
      assertThat(d.low()).isNaN();
      assertThat(d.p()).isNaN();
    }
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ + "metadata: {cluster: pages}\n");
    Outcome alone = run(asked);
    assertThat(score(alone, 1, "acc,none").stderr())
        .isEqualTo(score(clustered, 1, "acc,none").stderr());
    assertThat(differences(alone).getFirst().test()).isEqualTo("mcnemar");
    assertThat(warnings)
        .contains(
            "%s/quiz.yaml: metadata: cluster names the column pages, which no document has; documents are treated as independent"
                .formatted(folder));
  }

  @Test
  void targetsThatAreNoChoiceAreTold() throws IOException {
    String some = "\"{{' pump' if label == 0 else q}}\"";
    Files.writeString(
        folder.resolve("quiz.yaml"), QUIZ.replace("target: label", "target: " + some));
    run(Map.of("tasks", List.of("quiz")));
    assertThat(warnings)
        .singleElement()
        .asString()
        .contains("quiz.yaml: the targets of 8 of 12 documents are no choice")
        .endsWith("doc_to_choice has [ pump,  valve,  seal]");
    Files.writeString(folder.resolve("quiz.yaml"), QUIZ.replace("target: label", "target: q"));
    assertThatThrownBy(() -> run(Map.of("tasks", List.of("quiz"))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("quiz.yaml: the targets of 12 of 12 documents are no choice")
        .hasMessageEndingWith(
            "doc_to_choice has [ pump,  valve,  seal]; mend doc_to_target or doc_to_choice");
  }

  @Test
  void aColumnOfSubgroupsThatNoDocumentHasIsTold() throws IOException {
    Files.writeString(
        folder.resolve("quiz.yaml"), QUIZ + "metadata: {subgroups: [label, lable]}\n");
    run(Map.of("tasks", List.of("quiz")));
    assertThat(warnings)
        .containsExactly(
            "%s/quiz.yaml: metadata: subgroups names the column lable, which no document has; it is left out"
                .formatted(folder));
  }

  @Test
  void aGroupHasItsDifferenceAmongThoseOfTasks() throws IOException {
    Files.writeString(
        folder.resolve("both.yaml"),
        "group: both\ntask: [quiz]\naggregate_metric_list: [{metric: acc}]\n");
    Outcome outcome = run(Map.of("adapter", ADAPTER, "tasks", List.of("both")));
    Map<String, List<Difference>> all = requireNonNull(outcome.differences().get("adapter"));
    assertThat(all).containsOnlyKeys("quiz", "both");
    // of one task it is the task's own
    assertThat(all.get("both")).containsExactly(requireNonNull(all.get("quiz")).getFirst());
    JsonNode written =
        Json.read(folder.resolve("out/results.json")).path("differences").path("adapter");
    assertThat(written.path("both").path("acc,none"))
        .isEqualTo(written.path("quiz").path("acc,none"));
    assertThat(written.path("both").path("acc,none").path("test").asString()).isEqualTo("mcnemar");
  }

  @Test
  void thePaceIsThatOfTheModelAlone() {
    Pace base = run(Map.of()).pace();
    assertThat(base.requests()).isEqualTo(48);
    assertThat(base.tokens()).isBetween(12L, 60L); // of twelve answers
    assertThat(base.generating()).isPositive().isLessThan(base.seconds());
    assertThat(base.tokensPerSecond()).isEqualTo(base.tokens() / base.generating());
    Outcome adapted = run(Map.of("adapter", ADAPTER));
    assertThat(adapted.pace().requests()).isEqualTo(48);
    assertThat(adapted.pace().seconds()).isLessThan(adapted.seconds());
    assertThat(run(Map.of("adapter", ADAPTER)).pace().secondsPerRequest()).isNaN();
    assertThat(run(Map.of("tasks", List.of("quiz"), "limit", 3)).pace().tokensPerSecond()).isNaN();
  }

  @Test
  void onlyAnEvaluationsFolderIsWrittenInto() throws IOException {
    Files.createDirectories(folder.resolve("out"));
    Files.writeString(folder.resolve("out/mine.txt"), "mine");
    assertThatThrownBy(() -> run(Map.of()))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "--out %s/out holds something else than an evaluation; give another folder"
                .formatted(folder));
    assertThat(folder.resolve("out/answers.jsonl")).doesNotExist();
  }

  @Test
  void filesOfTasksThatAreNotAskedForAnyMoreGo() {
    run(Map.of());
    run(Map.of("tasks", List.of("say")));
    assertThat(folder.resolve("out/samples_quiz.jsonl")).doesNotExist();
    assertThat(folder.resolve("out/samples_say.jsonl")).exists();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "metric_list: [{metric: accuracy}]|metric_list: the metric accuracy is not known; there are"
            + " acc, acc_bytes, acc_mutual_info, acc_norm, anls, bits_per_byte, bleu, brier_score,"
            + " bypass, byte_perplexity, chrf, chrf++, exact_match, f1, google_bleu,"
            + " inst_level_loose_acc, inst_level_strict_acc, kl_from_base, macro_f1, mcc, micro_f1,"
            + " perplexity, prompt_level_loose_acc, prompt_level_strict_acc, rouge1, rouge2,"
            + " rougeL, rougeLsum, squad_f1, tatqa_em, tatqa_f1, ter, weighted_f1, word_perplexity",
        "metric_list: [{metric: acc, aggregation: average}]|metric_list: the aggregation average is"
            + " not known; there are",
        "metric_list: [{metric: acc, aggregation: bleu}]|metric_list: the aggregation bleu does not"
            + " go with the metric acc, whose own is mean",
        "metric_list: [{metric: bleu}]|metric_list: none of its metrics is one of multiple_choice",
        "metric_list: [{metric: f1}]|f1 is of two choices, and documents have more; take macro_f1,"
            + " micro_f1 or weighted_f1",
      })
  void aMetricThatDoesNotGoIsRefusedBeforeTheModelIsLoaded(String line, String message)
      throws IOException {
    refused("quiz", TaskTexts.with(QUIZ, line), message);
  }

  private void refused(String task, String text, String message) throws IOException {
    Files.writeString(folder.resolve(task + ".yaml"), text);
    assertThatThrownBy(() -> run(Map.of("tasks", List.of(task))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(message)
        .satisfies(e -> assertThat(String.valueOf(e.getMessage()).lines()).hasSize(1));
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void aChoiceWithoutATokenIsRefused() throws IOException {
    Files.writeString(
        folder.resolve("quiz.yaml"),
        QUIZ.replace("[\" pump\"", "[\"\"") + "target_delimiter: \"\"\n");
    assertThatThrownBy(() -> run(Map.of("tasks", List.of("quiz"))))
        .hasMessage(
            folder
                + "/quiz.yaml, document 0: continuation '' of context 'the pump 0 reads' has no"
                + " tokens to score");
  }

  @Test
  void optionsOfExactMatchAreChecked() throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"),
        SAY.replace("{metric: exact_match}", "{metric: exact_match, ignore_cases: true}"));
    assertThatThrownBy(() -> run(Map.of("tasks", List.of("say"))))
        .hasMessage(
            folder
                + "/say.yaml: metric_list: ignore_cases is true; exact_match takes ignore_case,"
                + " ignore_punctuation, ignore_numbers (true or false) and regexes_to_ignore (a"
                + " list)");
  }

  @Test
  void anAnswerAsLongAsTheModelReadsIsRefused() throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"), SAY.replace("max_gen_toks: 5", "max_gen_toks: 512"));
    assertThatThrownBy(() -> run(Map.of("tasks", List.of("say"))))
        .hasMessage(
            folder
                + "/say.yaml, document 0: max_gen_toks is 512, and the model reads 512 tokens,"
                + " prompt and answer together; lower it");
  }

  @Test
  void aModelWithoutATemplateIsNotAskedInAChat() {
    assertThatThrownBy(() -> run(Map.of("apply_chat_template", true)))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(MODEL + " has no chat template; name one by --template");
    assertThatThrownBy(() -> run(Map.of("fewshot_as_multiturn", false)))
        .hasMessage("--fewshot-as-multiturn is given without --apply-chat-template; add it");
    assertThatThrownBy(() -> run(Map.of("adapter", ADAPTER, "compare", ADAPTER)))
        .hasMessage(
            "--adapter and --compare are both %s; give another adapter to compare with"
                .formatted(ADAPTER));
  }

  @Test
  void aMetricOfAnotherOutputTypeIsPassedOverWithAWarning() throws IOException {
    Files.writeString(
        folder.resolve("quiz.yaml"), QUIZ.replace("{metric: brier_score}", "{metric: bleu}"));
    Outcome outcome = run(Map.of("tasks", List.of("quiz")));
    assertThat(requireNonNull(outcome.main().tasks().get("quiz")).scores())
        .containsOnlyKeys("acc,none");
    assertThat(warnings)
        .containsExactly(
            folder
                + "/quiz.yaml: metric_list: the metric bleu is none of multiple_choice and is left"
                + " out");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "metric_list: [{metric: tatqa_f1}]|say.yaml: a document has no column answers, which its"
            + " metric reads",
        "metric_list: [{metric: prompt_level_strict_acc}]|say.yaml: a document has no column"
            + " instruction_id_list, which its metric reads",
        "doc_to_choice: [a, b]|say.yaml: the targets of 12 of 12 documents are no choice, so no"
            + " answer to them is right; document 0 has \"the pump 0 reads\", doc_to_choice has"
            + " [a, b]; mend doc_to_target or doc_to_choice",
        "filter_list: [{name: x, filter: [{function: multi_choice_regex}, {function:"
            + " take_first}]}]|multi_choice_regex needs a column choices, a list of texts, and a"
            + " document has none",
        "filter_list: [{name: x, filter: [{function: take_first}, {function: lowercase}]}]|the"
            + " filter lowercase stands behind take_first",
      })
  void whatADocumentLacksIsToldBeforeTheModelIsLoaded(String line, String message)
      throws IOException {
    refused("say", TaskTexts.with(SAY, line), message);
  }

  @Test
  void aFilterOfTextsIsRefusedWhereChoicesAreScored() throws IOException {
    Files.writeString(
        folder.resolve("quiz.yaml"),
        QUIZ
            + "filter_list: [{name: low, filter: [{function: lowercase}, {function:"
            + " take_first}]}]\n");
    assertThatThrownBy(() -> run(Map.of("tasks", List.of("quiz"))))
        .hasMessage(
            folder
                + "/quiz.yaml: what the filters of low leave cannot be scored as output_type:"
                + " multiple_choice; of choices the last is take_first, and filters of texts are"
                + " for generate_until");
  }

  @Test
  void anExpressionThatFindsMoreInAnAnswerThanInNoneIsNotRefusedBefore() throws IOException {
    Files.writeString(
        folder.resolve("say.yaml"),
        SAY
            + "filter_list: [{name: x, filter: [{function: regex, regex_pattern: '(.*)',"
            + " group_select: 1}, {function: take_first}]}]\n");
    TaskScores say = requireNonNull(run(Map.of("tasks", List.of("say"))).main().tasks().get("say"));
    assertThat(say.samples()).hasSize(12);
  }

  @Test
  void numbersOfAModelThatIsNotAskedAnyMoreAreRemoved() {
    run(Map.of("adapter", ADAPTER, "compare", OTHER, "tasks", List.of("quiz")));
    assertThat(folder.resolve("out/compare/samples_quiz.jsonl")).exists();
    run(Map.of("adapter", OTHER, "tasks", List.of("quiz")));
    assertThat(folder.resolve("out/compare/results.json")).doesNotExist();
    assertThat(folder.resolve("out/compare/samples_quiz.jsonl")).doesNotExist();
    assertThat(folder.resolve("out/base/results.json")).exists();
    run(Map.of("tasks", List.of("quiz")));
    assertThat(folder.resolve("out/base/results.json")).doesNotExist();
    assertThat(folder.resolve("out/results.json")).exists();
  }

  /// As `nudge.json` says, of either adapter; the tasks ask "the pump 0 reads".
  @Test
  void anotherFormThanAnAdapterWasTrainedInIsWarnedOf() throws IOException {
    Path adapter = Files.createDirectory(folder.resolve("adapter"));
    for (String file : Evaluation.ADAPTER_FILES) {
      if (Files.exists(ADAPTER.resolve(file))) {
        Files.copy(
            ADAPTER.resolve(file), adapter.resolve(file), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Identity.Model of = new Identity.Model(MODEL, null, () -> BaseDigest.of(MODEL, folder));
    for (String form : List.of("Q: {text}\nA:", "the {text} reads")) {
      Identity.of(of, Map.of("prompt", form, "spoken", false)).write(adapter);
      run(Map.of("adapter", OTHER, "compare", adapter, "limit", 1));
    }
    assertThat(warnings)
        .filteredOn(line -> line.contains("was trained on"))
        .containsExactly(
            "adapter %s was trained on prompts of the form 'Q: {text}\\nA:', and no task asks so; doc_to_text of a task gives its form"
                .formatted(adapter));
    warnings.clear();
    Identity.of(of, Map.of("spoken", true)).write(adapter);
    run(Map.of("adapter", adapter, "limit", 1));
    assertThat(warnings)
        .filteredOn(line -> line.contains("was trained on"))
        .singleElement()
        .asString()
        .endsWith("bypass its chat template; --apply-chat-template applies it");
  }
}
