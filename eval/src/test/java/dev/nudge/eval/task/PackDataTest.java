package dev.nudge.eval.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.format.Json;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// Runs `docs/pack_data.py` on small made-up files in the shapes of the owners' repositories.
class PackDataTest {
  private static final Path SCRIPT = Path.of("../docs/pack_data.py");
  private static final Path MADE = Path.of("src/test/resources/packs");

  @TempDir Path folder;

  private record Ran(int code, String said) {}

  @BeforeEach
  void python() {
    String path = System.getenv().getOrDefault("PATH", "");
    assumeTrue(
        Arrays.stream(path.split(File.pathSeparator))
            .anyMatch(place -> Files.isExecutable(Path.of(place, "python3"))),
        "no python3 on the PATH");
  }

  @Test
  void queriesOfABankKeepTheirSplitAndLoseWhatIsOnBothSides() throws IOException {
    write(
        "banking_data/train.csv",
        "text,category\n\"I lost\nmy card\",lost\n\"I lost\nmy card\",lost\nA  new pin?,pin\n");
    write("banking_data/test.csv", "text,category\nA new PIN?,change_pin\n");
    List<JsonNode> train = make("finance-banking77", "train");
    assertThat(train)
        .containsExactly(
            Json.parse(
                "{\"id\": \"banking77-train-00001\", \"text\": \"I lost my card\", \"label\":"
                    + " \"lost\"}"));
    assertThat(rows("finance-banking77", "test")).hasSize(1);
  }

  @Test
  void aTableBecomesMarkdownAndASpanOfNothingIsLeftOut() throws IOException {
    String context =
        """
        {"table": {"uid": "%s", "table": [["", "2021"], ["Lamps | lights", "$1,250 "]]},
         "paragraphs": [{"order": 2, "text": "Second\\nline."}, {"order": 1, "text": "First."}],
         "questions": [
          {"uid": "%1$s-1", "question": "What came in? ", "answer": ["1,250", ""], "answer_type": "multi-span",
           "scale": "thousand", "answer_from": "table", "derivation": ""},
          {"uid": "%1$s-2", "question": "Grown by?", "answer": 25, "answer_type": "arithmetic",
           "scale": "", "answer_from": "table", "derivation": " 5/20 "},
          {"uid": "%1$s-3", "question": "Why?", "answer": [""], "answer_type": "span",
           "scale": "", "answer_from": "text", "derivation": ""}]}
        """;
    write(
        "dataset_raw/tatqa_dataset_dev.json",
        "[%s, %s]".formatted(context.formatted("made-a"), context.formatted("made-b")));
    List<JsonNode> test = make("finance-tatqa", "test");
    assertThat(rows("finance-tatqa", "train")).hasSize(2);
    assertThat(test).hasSize(2);
    assertThat(test.getFirst())
        .isEqualTo(
            Json.parse(
                """
                {"id": "tatqa-made-b-1", "context_id": "made-b",
                 "table": "|  | 2021 |\\n| --- | --- |\\n| Lamps \\\\| lights | $1,250 |",
                 "paragraphs": "First.\\n\\nSecond line.", "question": "What came in?",
                 "answer": "1,250", "answers": ["1,250"], "answer_type": "multi-span",
                 "scale": "thousand", "answer_from": "table", "derivation": null}
                """));
    assertThat(test.getLast().path("answers")).isEqualTo(Json.parse("[\"25\"]"));
    assertThat(test.getLast().path("scale").asString()).isEqualTo("none");
    assertThat(test.getLast().path("derivation").asString()).isEqualTo("5/20");
  }

  @Test
  void anAbstractHasTheLabelsOfItsSections() throws IOException {
    String row =
        "{\"QUESTION\": \"Does it %s?\", \"CONTEXTS\": [\"Cups.\", \"Cold.\"], \"LABELS\":"
            + " [\"METHODS\", \"\"], \"final_decision\": \"maybe\", \"LONG_ANSWER\": \"Who"
            + " knows.\"}";
    write(
        "data/ori_pqal.json",
        "{\"1\": %s, \"2\": %s}".formatted(row.formatted("cool"), row.formatted("warm")));
    write("data/test_ground_truth.json", "{\"2\": \"maybe\"}");
    assertThat(make("medical-pubmedqa", "test"))
        .containsExactly(
            Json.parse(
                """
                {"id": "pubmedqa-2", "pmid": "2", "question": "Does it warm?",
                 "context": "METHODS: Cups.\\n\\nCold.", "answer": "maybe", "long_answer": "Who knows."}
                """));
    assertThat(rows("medical-pubmedqa", "train")).hasSize(1);
  }

  @Test
  void aTalkHasALineATurn() throws IOException {
    String file = "Main-Dataset/MTS-Dialog-%s.csv";
    String head = "ID,section_header,section_text,dialogue\n";
    write(
        file.formatted("TrainingSet"),
        head + "0,CC,Knee.,\"Doctor: Hm? \r\n\r\n Patient: Knee.\"\n");
    write(file.formatted("ValidationSet"), head + "0,CC,Toe.,Patient: Toe.\n");
    write(file.formatted("TestSet-1-MEDIQA-Chat-2023"), head + "7,ROS,None.,Patient: No.\n");
    write(file.formatted("TestSet-2-MEDIQA-Sum-2023"), head + "7,ROS,None.,Patient: Toe.\n");
    List<JsonNode> train = make("medical-mtsdialog", "train");
    assertThat(train) // the validation's row is asked about in the second test set
        .containsExactly(
            Json.parse(
                """
                {"id": "mtsdialog-train-0", "source_split": "train", "section_header": "CC",
                 "dialogue": "Doctor: Hm?\\nPatient: Knee.", "section_text": "Knee."}
                """));
    assertThat(rows("medical-mtsdialog", "test"))
        .extracting(row -> row.path("id").asString())
        .containsExactly("mtsdialog-test1-7", "mtsdialog-test2-7");
  }

  @Test
  void anIntentHasItsDomainAndOneOutOfScopeHasNone() throws IOException {
    write("data/domains.json", "{\"utility\": [\"alarm\"]}");
    write(
        "data/data_full.json",
        """
        {"train": [["set an alarm", "alarm"]], "val": [["wake me", "alarm"]], "test": [["ring", "alarm"]],
         "oos_train": [["who sang it", "oos"]], "oos_val": [], "oos_test": [["how tall is it", "oos"]]}
        """);
    List<JsonNode> test = make("support-clinc150", "test");
    assertThat(test)
        .contains(
            Json.parse(
                """
                {"id": "clinc150-test-00001", "source_split": "test", "text": "ring", "label": "alarm",
                 "domain": "utility"}
                """),
            Json.parse(
                """
                {"id": "clinc150-oos-test-00001", "source_split": "test", "text": "how tall is it",
                 "label": "oos", "domain": "oos"}
                """));
    assertThat(rows("support-clinc150", "train")).hasSize(3);
  }

  @Test
  void clausesOfACompanyAreOnOneSide() throws IOException {
    String row =
        "{\"uid\": \"%s\", \"doc\": \"Terms\", \"original_text\": \"%s \", \"reference_summary\":"
            + " \"s.\", \"urls\": \"{'%s'}\"}";
    write(
        "tosdr_annotated_v1.json",
        "{\"1\": %s, \"2\": %s, \"3\": %s}"
            .formatted(
                row.formatted("tosdr001", "we keep it.", "a.com"),
                row.formatted("tosdr002", "we show it.", "d.com"),
                row.formatted("tosdr003", "", "d.com")));
    assertThat(make("legal-legalsummarization", "test"))
        .containsExactly(
            Json.parse(
                """
                {"id": "legalsummarization-tosdr002", "origin": "tosdr", "document": "Terms",
                 "original_text": "we show it.", "reference_summary": "s."}
                """));
    assertThat(rows("legal-legalsummarization", "train")).hasSize(1);
  }

  @Test
  void aLegalPromptHasNoWorkedExamplesAndALicenceThatIsTaken() throws IOException {
    String prompt = "Who pays?\n\nClause: The cook.\nLabel: Cook\n\nClause: {{text}}\nLabel:";
    String rows =
        "index\tanswer\ttext\tslice\n"
            + "0\tTenant\tThe tenant pays.\tx\n"
            + "1\tOwner\tThe owner pays.\tx\n";
    for (String task : List.of("made_open", "made_closed")) {
      write("tasks/" + task + "/base_prompt.txt", prompt);
      write("tasks/" + task + "/train.tsv", rows);
    }
    write("tasks/made_open/README.md", "**License**: [CC By 4.0](https://example.org)\n");
    write("tasks/made_closed/README.md", "**License**: CC BY-NC 4.0\n");
    assertThat(make("legal-legalbench", "test"))
        .containsExactly(
            Json.parse(
                """
                {"id": "legalbench-made_open-0", "task": "made_open", "license": "CC-BY-4.0",
                 "fields": {"text": "The tenant pays."},
                 "base_prompt": "Who pays?\\n\\nClause: {{text}}\\nLabel:",
                 "prompt": "Who pays?\\n\\nClause: The tenant pays.\\nLabel:", "answer": "Tenant"}
                """));
    assertThat(rows("legal-legalbench", "train")).hasSize(1);
  }

  @Test
  void aCommandIsAsAClientShowsIt() throws IOException {
    write(
        "pages/common/weave.md",
        """
        # weave

        > Weaves.

        - Weave a pattern:

        `weave {{[-p|--pattern]}} {{path/to/file}} {{[a|b|c]}}`

        - Print braces:

        `weave {{[-h|-H|--head]}} {{x{0}}} '\\{\\{name\\}\\}'`

        - See another page:

        `tldr spin`
        """);
    write("pages/linux/spin.md", "# spin\n\n- Spin:\n\n`spin {{10}}`\n");
    write("pages/linux/knit.md", "> This command is an alias of `spin`.\n\n- Knit:\n\n`knit`\n");
    List<JsonNode> test = make("support-tldr", "test");
    assertThat(test)
        .extracting(row -> row.path("command").asString())
        .containsExactly("weave --pattern path/to/file [a|b|c]", "weave --head x{0} '{{name}}'");
    assertThat(test.getFirst().path("command_template").asString())
        .isEqualTo("weave {{[-p|--pattern]}} {{path/to/file}} {{[a|b|c]}}");
    assertThat(rows("support-tldr", "train"))
        .containsExactly(
            Json.parse(
                """
                {"id": "tldr-linux-spin-1", "page": "spin", "platform": "linux", "description": "Spin",
                 "command": "spin 10", "command_template": "spin {{10}}"}
                """));
  }

  @Test
  void whatIsWrongIsALineAndNothingIsWritten() {
    assertThat(run("finance-banking").said())
        .startsWith("finance-banking is no set; there are legal-legalbench, ");
    Ran ran = run("finance-banking77");
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.said().replace('\\', '/'))
        .contains("train.csv is not there; CLONE is ")
        .endsWith("and it must be a clone of the repository of finance-banking77\n");
    assertThat(folder.resolve("out")).doesNotExist();
  }

  /// Makes a set of what was written, and gives the rows of a part, whose columns are those that
  /// the
  /// packs' tests have.
  private List<JsonNode> make(String set, String part) throws IOException {
    Ran ran = run(set);
    assertThat(ran.code()).as(ran.said()).isZero();
    for (String side : List.of("train", "test")) {
      Set<String> columns = new TreeSet<>();
      read(MADE.resolve(set).resolve(side + ".jsonl"))
          .forEach(row -> columns.addAll(row.propertyNames()));
      assertThat(rows(set, side))
          .as("%s, %s", set, side)
          .isNotEmpty()
          .allMatch(row -> new TreeSet<>(row.propertyNames()).equals(columns));
    }
    return rows(set, part);
  }

  private List<JsonNode> rows(String set, String part) throws IOException {
    return read(folder.resolve("out").resolve(set).resolve(part + ".jsonl"));
  }

  private static List<JsonNode> read(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    Files.readAllLines(file).forEach(line -> rows.add(Json.parse(line)));
    return rows;
  }

  private void write(String name, String text) throws IOException {
    Path file = folder.resolve("clone").resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private Ran run(String set) {
    String clone = folder.resolve("clone").toString();
    return python(SCRIPT.toString(), set, clone, folder.resolve("out").toString());
  }

  private static Ran python(String... script) {
    List<String> command = new ArrayList<>(List.of("python3"));
    command.addAll(List.of(script));
    try {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
              .replace("\r", "");
      return new Ran(process.waitFor(), said);
    } catch (IOException | InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /// The rows of `train --replay default`, which must not hold what `retention` asks.
  @Test
  void generalRowsAreWrittenByTheirScriptAndShareNoTextWithThePack() throws IOException {
    Path shipped = Path.of("../core/src/main/resources/dev/nudge/train/replay");
    Path pack = Path.of("src/main/resources/dev/nudge/eval/task/packs/retention");
    Ran ran = python("../docs/general_rows.py", folder.toString());
    assertThat(ran.code()).as(ran.said()).isZero();
    Set<String> asked = new TreeSet<>();
    for (String name : List.of("instructions", "knowledge", "prose", "text")) {
      asked.addAll(runs(Files.readString(pack.resolve(name + ".jsonl"))));
    }
    for (String name : List.of("texts.jsonl", "chats.jsonl")) {
      assertThat(folder.resolve(name)).hasSameBinaryContentAs(shipped.resolve(name));
      assertThat(runs(Files.readString(shipped.resolve(name)))).doesNotContainAnyElementsOf(asked);
    }
  }

  /// Each run of seven words.
  private static Set<String> runs(String text) {
    List<String> words = List.of(text.toLowerCase(Locale.ROOT).split("[^\\p{L}0-9]+"));
    Set<String> runs = new TreeSet<>();
    for (int i = 0; i + 7 <= words.size(); i++) {
      runs.add(String.join(" ", words.subList(i, i + 7)));
    }
    return runs;
  }
}
