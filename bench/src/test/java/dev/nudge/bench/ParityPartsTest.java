package dev.nudge.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.eval.task.Packs;
import dev.nudge.format.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ParityPartsTest {
  @TempDir Path folder;

  @Test
  void theStudyHasSixSeedsOfThePairAndWhatChoosesSettingsBeforeThem() {
    List<ParityPart> all = ParityPart.all();
    int main = 4 * (2 + 3 * 4 + 2 * 6 + 3);
    assertThat(all).hasSize(main + 2 * 2 * 4 + 2 * 3 * 3 + 2 * 4 * (3 + 3));
    assertThat(all.stream().map(ParityPart::name)).doesNotHaveDuplicates();
    for (ParityPart run : all) {
      if (run.isRun()) {
        List<ParityPart> pilots = ParityPart.pilots(run.domain(), run.method());
        assertThat(pilots).hasSize(ParityMethod.VARIANTS.contains(run.method()) ? 3 : 4);
        List<ParityPart> before = new ArrayList<>(pilots);
        before.addAll(ParityPart.loops(run.domain(), run.method()));
        assertThat(before).hasSize(pilots.size() + 4);
        assertThat(before).allSatisfy(p -> assertThat(all.indexOf(p)).isLessThan(all.indexOf(run)));
        assertThat(all).containsAll(before);
      }
    }
  }

  @Test
  void whatTheQuestionIsAboutIsDoneFirstSeedBySeed() {
    List<String> names = ParityPart.all().stream().map(ParityPart::name).toList();
    assertThat(names.indexOf("medical-full-5")).isLessThan(names.indexOf("legal-lora-0"));
    assertThat(names.indexOf("support-full-5")).isLessThan(names.indexOf("finance-lora-0"));
    assertThat(names.indexOf("medical-full-0")).isLessThan(names.indexOf("medical-lora-1"));
    assertThat(names.indexOf("finance-full-5")).isLessThan(names.indexOf("medical-qlora-0"));
    assertThat(names.indexOf("finance-qlora-2")).isLessThan(names.indexOf("finance-r8-0"));
    assertThat(names.indexOf("medical-r64-2")).isLessThan(names.indexOf("finance-pilot-dora-1e-3"));
    assertThat(names)
        .contains("finance-dora-3", "medical-r64rs-5")
        .doesNotContain("finance-dora-0");
    assertThat(names)
        .contains("finance-pilot-lora-1e-2", "finance-pilot-full-1e-3", "medical-tune-full-warmer");
  }

  @Test
  void aPartIsMeantByItsDomainMethodKindOrName() {
    ParityPart part = ParityFiles.part("medical-qlora-1");
    assertThat(List.of("medical", "qlora", "run", "medical-qlora-1")).allMatch(part::is);
    assertThat(List.of("lora", "legal", "pilot", "medical-qlora-2")).noneMatch(part::is);
  }

  @Test
  void onlyAdaptersAreToldARankAndOnlyFourBitsAreQuantised() {
    assertThat(ParityMethod.FULL.flags()).containsExactly("--method", "full");
    assertThat(ParityMethod.QLORA.flags())
        .containsExactly("--quantize", "nf4", "--rank", "16", "--targets", "all-linear");
    assertThat(ParityMethod.ATTENTION.flags()).endsWith("q_proj,k_proj,v_proj,o_proj");
    assertThat(ParityMethod.DORA.flags()).endsWith("--targets", "all-linear", "--dora");
    assertThat(ParityMethod.LORA_PLUS.flags()).endsWith("all-linear", "--lora-plus", "16");
    assertThat(ParityMethod.PISSA.flags()).endsWith("all-linear", "--init", "pissa-niter-16");
    assertThat(ParityMethod.R64_RS.flags()).contains("64").endsWith("all-linear", "--rs-lora");
    assertThat(ParityMethod.R64.piloted()).isEqualTo(ParityMethod.LORA);
    assertThat(ParityMethod.DORA.piloted()).isEqualTo(ParityMethod.DORA);
  }

  @Test
  void aTrialMayDivergeAndIsJudgedByItsOwnLoss() throws IOException {
    ParityPart pilot = ParityFiles.part("finance-pilot-lora-1e-2");
    ParityPart loop = ParityFiles.part("finance-tune-lora-longer");
    ParityPart run = ParityFiles.part("finance-lora-0");
    trained(10, "0.9", "0.4", "0.6");
    for (ParityPart trial : List.of(pilot, loop)) {
      assertThat(ParityRun.ended(trial, folder, 1)).isTrue();
      assertThat(ParityRun.judged(trial, folder, 1)).isEmpty();
    }
    assertThat(ParityRun.ended(run, folder, 1)).isFalse();
    assertThat(ParityRun.ended(run, folder, 0)).isTrue();
    assertThat(ParityRun.judged(run, folder, 0)).isEmpty();
    assertThat(ParityRun.judged(pilot, folder, 0))
        .containsEntry("held_out_loss", 0.4)
        .containsEntry("held_out_step", 24L);
    assertThat(ParityRun.judged(loop, folder, 0))
        .containsEntry("held_out_before", 2.0)
        .containsEntry("held_out_loss", 0.6)
        .containsEntry("held_out_step", 36L);
    trained(0, "0.9", "null");
    assertThat(ParityRun.judged(loop, folder, 0)).isEmpty(); // not its line before
    assertThat(ParityRun.ended(loop, folder, 1)).isFalse(); // it failed of something else
    trained(0);
    assertThat(ParityRun.judged(loop, folder, 0)).isEmpty();
  }

  @Test
  void theLossesOfRowsAreThoseThatScorePrints() {
    String output =
        """
        model: a note
        {"index":0,"tokens":2,"logprob":-1.5,"greedy":false}
        {"index":2,"tokens":3,"logprob":-0.25,"greedy":true}
        """;
    assertThat(ParityRun.rowLosses(output))
        .containsEntry(ParityResults.ROW_LOSSES, List.of(1.5, 0.25))
        .containsEntry(ParityResults.ROW_TOKENS, List.of(2, 3));
    ParityPart part = ParityFiles.part("finance-tune-lora-longer");
    Map<String, Object> values = new HashMap<>(ParityRun.rowLosses(output));
    values.put("held_out_loss", 0.352);
    ParityRun.checkRows(part, values);
    values.put("held_out_loss", 0.4);
    assertThatThrownBy(() -> ParityRun.checkRows(part, values))
        .hasMessageContaining("its rows have a loss of 0.3500, the run 0.4000");
  }

  private void trained(int skipped, String... losses) throws IOException {
    Files.writeString(
        folder.resolve("run.json"),
        """
        {"totals": {"steps": 36, "skipped_steps": %d, "best_step": 24, "eval_loss_before": 2.0,
          "eval_loss_best": 0.4}}
        """
            .formatted(skipped));
    List<String> lines = new ArrayList<>(List.of("{\"step\":1,\"loss\":3.0}"));
    Stream.of(losses).forEach(loss -> lines.add("{\"step\":1,\"eval_loss\":%s}".formatted(loss)));
    lines.add("{\"step\":36,\"loss\":1.0}");
    Files.write(folder.resolve("metrics.jsonl"), lines);
  }

  @ParameterizedTest
  @ValueSource(strings = {"finance", "medical", "legal", "support"})
  void theTrainedPromptIsThatOfThePackToTheLetter(String name) throws IOException {
    ParityDomain domain =
        ParityDomain.ALL.stream().filter(d -> d.name().equals(name)).findFirst().orElseThrow();
    String yaml = resource("packs/%s/%s.yaml".formatted(name, domain.task()));
    String asked = domain.prompt().replace("{", "{{").replace("}", "}}");
    String answer = domain.completion().strip().replace("{", "{{").replace("}", "}}");
    assertThat(yaml)
        .contains("doc_to_text: \"" + asked + "\"\n")
        .contains("doc_to_target: \"" + answer + "\"\n")
        .contains("dataset_path: " + domain.folder() + "\n")
        .contains("metric: " + domain.metric() + "\n");
    if (domain.cluster().isEmpty()) {
      assertThat(yaml).doesNotContain("cluster:");
    } else {
      assertThat(yaml).contains("  cluster: " + domain.cluster() + " ");
    }
  }

  private static String resource(String name) throws IOException {
    try (InputStream in = Packs.class.getResourceAsStream(name)) {
      assertThat(in).as(name).isNotNull();
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }

  @Test
  void rowsAreTheSameEveryTimeAndNoDocumentIsTrainedOn() throws IOException {
    data(60, 20);
    ParityRows rows = ParityRows.write(domain(""), folder, folder.resolve("one"));
    for (String name : List.of("train", "test")) {
      Path file = folder.resolve("set/" + name + ".jsonl");
      Files.write(file, Files.readAllLines(file).reversed());
    }
    ParityRows again = ParityRows.write(domain(""), folder, folder.resolve("other"));
    for (String file : List.of("train", "test", "pilot", "held")) {
      assertThat(rows.digest(file)).isEqualTo(again.digest(file));
    }
    List<String> train = Files.readAllLines(rows.file("train"));
    List<String> pilot = Files.readAllLines(rows.file("pilot"));
    List<String> held = Files.readAllLines(rows.file("held"));
    assertThat(train).hasSize(40);
    assertThat(pilot).hasSize(4);
    assertThat(train).containsAll(pilot).containsAll(held);
    assertThat(held).isNotEmpty().doesNotContainAnyElementsOf(pilot);
    assertThat(Files.readAllLines(rows.file("test"))).hasSize(15);
    List<String> unseen = Files.readAllLines(rows.file("unseen"));
    assertThat(unseen).hasSize(60 - 2 - 40).doesNotContainAnyElementsOf(train);
    assertThat(String.join("", train))
        .doesNotContain("\"asked twice\"")
        .doesNotContain("long long");
  }

  @Test
  void aSetWithFewTestRowsIsDividedAnew() throws IOException {
    data(50, 5);
    ParityRows rows = ParityRows.write(domain("fields"), folder, folder.resolve("one"));
    List<String> train = Files.readAllLines(rows.file("train"));
    List<String> test = Files.readAllLines(rows.file("test"));
    assertThat(train).hasSize(40);
    assertThat(test).hasSize(12); // 50 + 5 less two long ones and one that stands twice, less 40
    Set<String> both = new HashSet<>(train);
    both.retainAll(test);
    assertThat(both).isEmpty();
  }

  @Test
  void rowsThatShareALongTextStayOnOneSideWhereASetIsDividedAnew() throws IOException {
    Path set = Files.createDirectories(folder.resolve("set"));
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      // 3 questions about each clause; 2 clauses are joined by a row that has both
      String clause = "clause %d ".formatted(i / 3).repeat(10);
      String other = i == 14 ? "clause 7 ".repeat(10) : "short";
      rows.add(
          "{\"id\":\"%d\",\"text\":\"q %d\",\"fields\":{\"a\":\"%s\",\"b\":\"%s\"}}"
              .formatted(i, i, clause, other));
    }
    Files.write(set.resolve("train.jsonl"), rows.subList(0, 50));
    Files.write(set.resolve("test.jsonl"), rows.subList(50, 60));
    ParityRows written = ParityRows.write(domain("fields"), folder, folder.resolve("one"));
    Set<Integer> learned = clauses(written.file("train"));
    Set<Integer> asked = clauses(written.file("test"));
    assertThat(asked).isNotEmpty().doesNotContainAnyElementsOf(learned);
    assertThat(learned.contains(4)).isEqualTo(learned.contains(7));
    assertThat(learned.size() + asked.size()).isEqualTo(20);
  }

  private static Set<Integer> clauses(Path file) throws IOException {
    Set<Integer> clauses = new HashSet<>();
    for (String line : Files.readAllLines(file)) {
      clauses.add(Json.parse(line).path("id").asInt() / 3);
    }
    return clauses;
  }

  private static ParityDomain domain(String together) {
    return new ParityDomain(
        "x",
        "x_task",
        "acc",
        "",
        "set",
        "{text}",
        " {label}",
        List.of("text"),
        30,
        together,
        40,
        15,
        3,
        8);
  }

  /// Rows of which one prompt is both learned from and asked, and one is too long.
  private void data(int train, int test) throws IOException {
    Path set = Files.createDirectories(folder.resolve("set"));
    Files.write(set.resolve("train.jsonl"), rows("train", train));
    Files.write(set.resolve("test.jsonl"), rows("test", test));
  }

  private static List<String> rows(String name, int count) {
    List<String> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String text = i == 3 ? "asked twice" : i == 4 ? "long ".repeat(9) : name + " " + i;
      rows.add("{\"id\":\"%s-%d\",\"text\":\"%s\",\"label\":\"a\"}".formatted(name, i, text));
    }
    return rows;
  }
}
