package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.nudge.cli.train.RunTable;
import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.runs.RunStatus;
import dev.nudge.runs.RunSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/// `nudge runs`, on two runs that were trained.
class RunsTest {
  @TempDir static Path trained;
  @TempDir Path folder;

  private static String first = "";
  private static String second = "";
  private Place place;

  @BeforeAll
  static void train() throws IOException {
    Place place = Place.in(trained);
    List<String> flags =
        List.of("--eval-data", "D/rows.jsonl", "--eval-steps", "2", "--steps", "4", "--json", "-q");
    first = id(place, flags, "--out", "D/one", "--price-per-hour", "3600");
    second = id(place, flags, "--out", "D/two", "--rank", "4");
  }

  private static String id(Place place, List<String> common, String... flags) {
    List<String> all = new ArrayList<>(common);
    all.addAll(List.of(flags));
    Ran ran = place.train(all.stream().map(f -> full(place, f)).toArray(String[]::new));
    assertThat(ran.code()).as(ran.err()).isZero();
    return Json.parse(ran.out()).get("id").asString();
  }

  private static String full(Place place, String flag) {
    return flag.startsWith("D/") ? place.path(flag.substring(2)).toString() : flag;
  }

  @BeforeEach
  void copy() throws IOException {
    place =
        new Place(folder).copy(trained.resolve("one"), "one").copy(trained.resolve("two"), "x/two");
  }

  private JsonNode json(String... args) {
    Ran ran = runs(args);
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).hasLineCount(1);
    return Json.parse(ran.out());
  }

  /// Runs a verb of the group on the folder.
  private Ran runs(String... args) {
    List<String> line = new ArrayList<>(List.of("runs"));
    line.addAll(List.of(args));
    line.addAll(List.of("--runs", folder.toString()));
    return place.run(line.toArray(String[]::new));
  }

  @Test
  void aRunHasAnIdOfItsOwnThatSortsByTime() {
    assertThat(first).matches("\\d{8}-\\d{6}-[0-9a-f]{6}").isNotEqualTo(second);
    assertThat(first.substring(0, 15)).isLessThanOrEqualTo(second.substring(0, 15));
  }

  @Test
  void runJsonSaysWhenWhatOnAndForHowMuch() {
    JsonNode run = Json.read(folder.resolve("one/run.json"));
    assertThat(Instant.parse(run.get("started").asString())).isBefore(Instant.now());
    double seconds = run.at("/totals/seconds").asDouble();
    assertThat(run.at("/totals/cost").asDouble()).isCloseTo(seconds, within(1e-9)); // 3600 an hour
    assertThat(run.at("/digests/base/0").asString()).startsWith("sha256:");
    assertThat(run.at("/digests/base"))
        .isEqualTo(Json.read(folder.resolve("one/nudge.json")).get("base"));
    assertThat(run.at("/digests/tokenizer").asString()).startsWith("sha256:");
    assertThat(run.at("/quantization/method").asString()).isEqualTo("none");
    assertThat(run.at("/data/rows").asInt()).isEqualTo(3);
    assertThat(run.at("/data/eval_rows").asInt()).isEqualTo(3);
    assertThat(Json.read(folder.resolve("x/two/run.json")).at("/totals/cost").isNull()).isTrue();
  }

  @Test
  void listShowsALineARunTheNewestLast() {
    List<String> lines = runs("list").out().lines().toList();
    assertThat(lines).hasSize(3);
    assertThat(lines.getFirst().split(" +"))
        .containsExactly(
            "NAME",
            "STATE",
            "STEPS",
            "HELD",
            "OUT",
            "LOSS",
            "METHOD",
            "QUANTIZE",
            "MODEL",
            "TOK/S",
            "TIME",
            "COST",
            "STARTED",
            "ID");
    assertThat(lines.get(1)).startsWith("one ").contains(" finished ").endsWith(first);
    assertThat(lines.get(2)).startsWith("two ").endsWith(second);
    assertThat(runs("list", "--sort", "name", "--reverse").out().lines().skip(1))
        .first()
        .asString()
        .startsWith("two ");
    JsonNode all = json("list", "--where", "rank=4", "--json").get("runs");
    assertThat(all).hasSize(1);
    assertThat(all.get(0).get("id").asString()).isEqualTo(second);
    assertThat(all.get(0).at("/settings/rank").asInt()).isEqualTo(4);
    assertThat(all.get(0).get("steps").asInt()).isEqualTo(4);
  }

  @Test
  void aTableFitsTheTerminal() {
    RunSummary run =
        new RunSummary(
            "20261128-021915-7f3a21",
            Path.of("runs/a-rather-long-name-of-an-experiment-é"),
            RunStatus.KILLED,
            Instant.parse("2026-11-28T02:19:15Z"),
            "models/SmolLM2-135M-Instruct",
            "lora",
            "nf4",
            1234,
            12_345,
            1.23456,
            0.98765,
            5_367.8,
            12_345.6,
            12.345,
            Json.parse("{}"));
    for (int width : List.of(80, 100, 120, 160, 200)) {
      List<String> lines = RunTable.lines(List.of(run), width);
      assertThat(lines).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(width));
      assertThat(lines.getFirst()).contains("NAME", "STATE", "HELD OUT", "ID");
      assertThat(lines.get(1)).contains("killed", "1.2346", "20261128-021915-7f3a21");
    }
    assertThat(RunTable.lines(List.of(run), 0).get(1).split("  +"))
        .containsExactly(
            "a-rather-long-name-of-an-experiment-é",
            "killed",
            "1234/12345",
            "1.2346",
            "0.9877",
            "lora",
            "nf4",
            "SmolLM2-135M-Instruct",
            "5,368",
            "3 h 25 m",
            "12.35",
            "2026-11-28 02:19",
            "20261128-021915-7f3a21");
    assertThat(RunTable.time(9.94)).isEqualTo("9.9 s");
    assertThat(RunTable.time(59.4)).isEqualTo("59 s");
    assertThat(RunTable.time(773)).isEqualTo("12 m 53 s");
  }

  @Test
  void anEmptyFolderIsAnEmptyListAndALineThatSaysSo() throws IOException {
    Path empty = Files.createDirectories(folder.resolve("empty"));
    assertThat(place.run("runs", "list", "--runs", empty.toString()))
        .isEqualTo(new Ran(0, "", "there is no run under D/empty; --runs looks elsewhere\n"));
    assertThat(place.run("runs", "list", "--runs", empty.toString(), "--json", "-q"))
        .isEqualTo(new Ran(0, "{\"runs\":[]}\n", ""));
    assertThat(runs("list", "--where", "state=failed"))
        .isEqualTo(new Ran(0, "", "no run of 2 has state=failed\n"));
  }

  @Test
  void showHasEverything() {
    String shown = runs("show", "one").out();
    assertThat(shown)
        .contains("state                       finished\n", "\nsettings\n", "  rank ", "digests\n")
        .contains("  base  ", "adapter_model.safetensors", " bytes\n", "step 0");
    JsonNode all = json("show", "one", "--json");
    assertThat(all.get("id").asString()).isEqualTo(first);
    assertThat(all.get("metrics")).hasSize(4 + 3);
    assertThat(all.get("artefacts").propertyNames()).contains("run.json", "metrics.jsonl");
    assertThat(all.at("/settings/rank").asInt()).isEqualTo(16);
  }

  @Test
  void aRunThatSaysRunningAndIsHeldByNobodyIsShownAsKilled() throws IOException {
    place.edit("one/run.json", "\"finished\"", "\"running\"");
    assertThat(runs("show", "one").out())
        .contains("killed: it says running, and no process has its folder");
    assertThat(json("show", "one", "--json").get("state").asString()).isEqualTo("killed");
    assertThat(json("list", "--where", "state=killed", "--json").get("runs")).hasSize(1);
    try (Claim claim = Claim.of(folder.resolve("one"))) {
      assertThat(json("list", "--where", "state=running", "--json").get("runs")).hasSize(1);
    }
  }

  @Test
  void compareShowsWhatDiffersBesideTheCurves() throws IOException {
    Path svg = folder.resolve("both.svg");
    String shown = runs("compare", "one", "two", "--svg", svg.toString()).out();
    assertThat(shown).containsPattern("(?m)^rank +16 +4$").containsPattern("(?m)^ +one +two$");
    assertThat(shown).doesNotContain("learning_rate", "batch_size").contains("step 0");
    assertThat(Files.readString(svg)).startsWith("<svg ").contains("one (held out");
    JsonNode all = json("compare", "one", "two", "--json");
    assertThat(all.get("differences").propertyNames()).containsExactly("price_per_hour", "rank");
    assertThat(all.get("differences").get("rank").toString()).isEqualTo("[16,4]");
  }

  @Test
  void plotAndExportWriteFiles() throws IOException {
    String out = folder.resolve("out").toString();
    assertThat(json("plot", "one", "two", "--out", out + "/l.svg", "--json").get("runs"))
        .hasSize(2);
    assertThat(folder.resolve("out/l.svg")).isNotEmptyFile();
    for (String format : List.of("csv", "tensorboard")) {
      JsonNode made =
          json("export", "one", "two", "--format", format, "--out", out + "/" + format, "--json");
      assertThat(made.get("files")).hasSize(2);
      made.get("files").forEach(file -> assertThat(Path.of(file.asString())).isNotEmptyFile());
    }
    runs("export", first, "--format", "json", "--out", out + "/a.json");
    assertThat(Json.read(folder.resolve("out/a.json")).at("/runs/0/run/id").asString())
        .isEqualTo(first);
  }

  @Test
  void rmNamesWhatItWouldRemoveAndRemovesWithYes() throws IOException {
    Files.writeString(folder.resolve("one/notes.txt"), "mine");
    Ran asked = runs("rm", "one");
    assertThat(asked.code()).isEqualTo(2);
    assertThat(asked.err())
        .isEqualTo("nudge: runs rm would remove 1 run: D/one (0.1 MB); add --yes\n");
    assertThat(folder.resolve("one/run.json")).exists();
    assertThat(runs("rm", "one", "--yes").err())
        .isEqualTo("D/one: 9 files removed, 0.1 MB; 1 other name stay there\n");
    assertThat(folder.resolve("one")).isDirectoryContaining("glob:**/notes.txt");
    assertThat(json("list", "--json").get("runs")).hasSize(1);
    try (Claim claim = Claim.of(folder.resolve("x/two"))) {
      assertThat(runs("rm", "two", "--yes").err())
          .isEqualTo("nudge: run " + second + " is running in D/x/two; stop it first\n");
    }
    assertThat(json("rm", "two", "--yes", "--json").at("/removed/0/id").asString())
        .isEqualTo(second);
    assertThat(folder.resolve("x/two")).doesNotExist();
  }

  /// `D` is the folder with both runs, of which one lost half of its `run.json` in `D/torn`.
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          runs lst                               | unknown verb runs lst; did you mean list?
          runs --json                            | behind runs comes one of its verbs: list, show, compare, plot, export, rm, queue
          help runs show now                     | unexpected argument 'now'; help takes one verb, or none
          runs list extra                        | unexpected argument 'extra'; runs list takes flags only, see nudge runs list --help
          runs list --runs D/none                | --runs is D/none; there is no such folder
          runs list --runs D/one/run.json        | --runs is D/one/run.json; there is no such folder
          runs list --sort speed                 | --sort is 'speed'; supported: name, state, steps, held-out, loss, method, quantize, model, tokens-per-s, duration, cost, started, id
          runs list --runs D --where rank        | --where is 'rank'; it must be key=value, such as state=finished
          runs list --runs D/x --where rang=8    | --where names 'rang', which is no setting of these runs; did you mean rank?
          runs show                              | RUN is missing; it is required
          runs show a b                          | unexpected argument 'b'; runs show takes one RUN, see nudge runs show --help
          runs show nothing --runs D/x           | there is no run 'nothing' under D/x; nudge runs list shows what is there, --runs looks elsewhere
          runs show D/x                          | D/x is not a run's folder: it holds no run.json; give one, or an id
          runs show D/one/run.json               | D/one/run.json is a file; give a run's folder or its id
          runs show D/torn                       | D/torn/run.json is not JSON, line 3, column 7: it ends within a text
          runs show D/bad                        | D/bad/metrics.jsonl:2 is not a row of metrics, a JSON object; mend or delete it
          runs compare two --runs D/x            | RUN is one run; runs compare takes two or more
          runs plot D/one                        | --out is missing; it is required
          runs plot D/one --out D/x              | --out D/x is a folder; give the name of a file
          runs plot D/one --out D/one/run.json   | --out D/one/run.json exists; give another name, or --overwrite to replace it
          runs plot D/one --out D/one/run.json/l | --out D/one/run.json cannot be made: D/one/run.json is a file; give another folder
          runs export D/one --format xml         | --format is 'xml'; supported: csv, json, tensorboard, mlflow
          runs export D/one                      | --format is missing; it is required
          runs export D/one --format csv         | --out is missing; it is required
          runs export D/one --format csv --out D/one/run.json | --out D/one/run.json cannot be made: D/one/run.json is a file; give another folder
          runs export D/one --format mlflow      | --url is missing; --format mlflow sends to a server
          runs export D/one --format mlflow --url u --out o | --out is given with --format mlflow, which sends to --url; leave it out
          runs export D/one --format csv --out o --url u | --url is given without --format mlflow; leave it out
          runs export D/one --format mlflow --url localhost | --url is 'localhost'; it must be that of an MLflow server, such as http://localhost:5000
          runs rm D/x --yes                      | D/x is not a run's folder: it holds no run.json; give one, or an id
          train --model m --data d --out o --price-per-hour 0 | --price-per-hour is 0; it must be above 0
          """)
  void aMistakeIsOneLineAndExitCodeTwo(String line, String message) throws IOException {
    place.copy(trained.resolve("one"), "torn").copy(trained.resolve("one"), "bad");
    place.write("torn/run.json", "{\n  \"id\" : \"x\",\n  \"state\"");
    place.edit("torn/run.json", "\"state\"", "\"sta");
    place.write("bad/metrics.jsonl", "{\"step\": 1}\n[2]\n{\"step\": 3}\n");
    String[] args = line.split(" +");
    for (int i = 0; i < args.length; i++) {
      args[i] = args[i].equals("D") ? folder.toString() : args[i];
    }
    Ran ran = place.run(args);
    List<String> told = ran.err().lines().filter(l -> !l.contains("warning:")).toList();
    assertThat(told).containsExactly("nudge: " + message);
    assertThat(ran.out()).isEmpty();
    assertThat(ran.code()).isEqualTo(2);
  }

  @Test
  void theGroupHasAHelp() {
    Ran help = Ran.of("runs");
    assertThat(help.code()).isZero();
    assertThat(help.out())
        .contains("Usage: nudge runs VERB [FLAGS]", "  runs list     ", "  runs rm       ")
        .doesNotContain("nudge train", "\n  train ");
    for (String line : List.of("runs --help", "runs -h", "help runs")) {
      assertThat(Ran.of(line.split(" "))).isEqualTo(help);
    }
    assertThat(Ran.of("help", "runs", "show").out())
        .startsWith("nudge runs show: ")
        .contains("Usage: nudge runs show RUN [FLAGS]")
        .contains(
            "  RUN                         a run: its id, the start of its id, or its folder");
    assertThat(Ran.of("runs", "rm", "--help").out()).contains("Usage: nudge runs rm RUN… [FLAGS]");
  }
}
