package dev.nudge.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.format.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/// What `nudge spark --print` prints, against a shell and against `train` and `plan`.
class SparkVerbTest {
  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void fill() throws IOException {
    place = Place.in(folder);
    place.write("rows.jsonl", "{\"a\": \"it's\", \"b\": \"one\"}\n".repeat(4));
  }

  private Ran spark(String... more) {
    List<String> line =
        new ArrayList<>(
            List.of("spark", "--model", "D/model", "--data", "D/rows.jsonl", "--out", "D/out"));
    line.addAll(List.of("--prompt", "It's {a}\\n", "--completion", " {b}"));
    line.addAll(List.of(more));
    return place.run(line.toArray(String[]::new));
  }

  /// A shell would look for files that `local[*]` stands for.
  @Test
  void aMasterWithSignsOfAShellIsQuoted() {
    Ran ran = spark("--print", "--memory", "1G", "--ranks", "3", "--master", "local[*]");
    assertThat(ran.out()).startsWith("spark-submit --master 'local[*]' --class ");
  }

  /// `train` has no `--no-dora`.
  @Test
  void whatIsOffInAFileIsNoFlag() throws IOException {
    Path file = Files.writeString(folder.resolve("run.yaml"), "dora: false\nshuffle: false\n");
    Ran ran = spark("--print", "--memory", "1G", "--ranks", "2", "--config", file.toString());
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.out()).contains("--no-shuffle").doesNotContain("dora");
  }

  @Test
  void aShellReadsTheLineThatIsPrinted() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/bin/bash")));
    String[] flags = {
      "--print", "--memory", "1G", "--ranks", "3", "--learning-rate", "1e-4", "--no-shuffle"
    };
    Ran ran = spark(flags);
    assertThat(ran.code()).as(ran.err()).isZero();
    Process shell =
        new ProcessBuilder(
                "/bin/bash", "-c", "spark-submit() { printf '%s\\n' \"$@\"; }\n" + ran.out())
            .redirectErrorStream(true)
            .start();
    List<String> heard = new String(shell.getInputStream().readAllBytes()).lines().toList();
    assertThat(shell.waitFor()).isZero();
    List<String> submitted = heard.subList(0, heard.indexOf("train"));
    assertThat(submitted)
        .containsSubsequence("--master", "spark://HOST:7077", "--class", "dev.nudge.spark.Submit")
        .contains("spark.executor.instances=3", "nudge-spark-*-all.jar");
    List<String> more = new ArrayList<>(List.of(flags));
    more.add("--json");
    JsonNode json = Json.parse(spark(more.toArray(String[]::new)).out());
    List<String> arguments = new ArrayList<>();
    json.path("arguments").forEach(word -> arguments.add(word.asString("")));
    assertThat(heard.subList(submitted.size(), heard.size())).isEqualTo(arguments);
    assertThat(arguments)
        .startsWith("train", "--ranks", "3")
        .containsSubsequence("--prompt", "It's {a}\\n");
    List<String> train = new ArrayList<>(arguments);
    train.subList(1, 3).clear();
    train.addAll(List.of("--dry-run", "--json"));
    Ran dry = place.run(train.toArray(String[]::new));
    assertThat(dry.code()).as(dry.err()).isZero();
    Ran plain =
        place.run(
            "train",
            "--model",
            "D/model",
            "--data",
            "D/rows.jsonl",
            "--out",
            "D/out",
            "--prompt",
            "It's {a}\\n",
            "--completion",
            " {b}",
            "--memory",
            "1G",
            "--learning-rate",
            "1e-4",
            "--no-shuffle",
            "--dry-run",
            "--json");
    assertThat(dry.out()).isEqualTo(plain.out());
  }

  @Test
  void theMemoryIsThatOfThePlan() {
    JsonNode printed =
        Json.parse(spark("--print", "--memory", "1G", "--ranks", "2", "--json").out());
    Ran plan =
        place.run(
            "plan",
            "--ranks",
            "2",
            "--no-probe",
            "--model",
            "D/model",
            "--data",
            "D/rows.jsonl",
            "--prompt",
            "It's {a}\\n",
            "--completion",
            " {b}",
            "--memory",
            "1G",
            "--json");
    String submit = Json.parse(plan.out()).path("submit").asString("");
    assertThat(printed.path("conf").propertyNames()).hasSizeGreaterThan(5);
    printed
        .path("conf")
        .properties()
        .forEach(
            one -> {
              assertThat(submit)
                  .contains(" --conf " + one.getKey() + "=" + one.getValue().asString("") + " ");
            });
    assertThat(printed.path("fits").asBoolean(false)).isTrue();
    Ran small = spark("--print", "--memory", "1M");
    assertThat(small.code()).isEqualTo(2);
    assertThat(small.out()).contains("does not fit").contains("would fit with --");
  }

  @Test
  void nothingIsStarted() {
    assertThat(spark("--ranks", "2").err())
        .isEqualTo(
            "nudge: spark prints what spark-submit needs, and spark-submit starts the run; add"
                + " --print\n");
    assertThat(spark("--print", "--ranks", "0").err())
        .isEqualTo("nudge: --ranks is 0; it must be at least 1\n");
    assertThat(place.path("out")).doesNotExist();
  }
}
