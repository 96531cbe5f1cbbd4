package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Makes several runs by their files: in order, side by side where the budget holds them, again
/// after a kill.
class RunsQueueTest {
  @TempDir Path folder;
  private Place place;

  @BeforeEach
  void fill() throws IOException {
    place = Place.in(folder);
  }

  private void file(String name, int steps, int seed, String more) throws IOException {
    place.write(
        name + ".yaml",
        """
        model: %s
        data: %s
        out: %s
        compute: fp32
        lanes: 1
        threads: 1
        memory: 700M
        steps: %d
        seed: %d
        save_steps: 5
        %s
        """
            .formatted(
                place.path("model"),
                place.path("rows.jsonl"),
                place.path("runs/" + name),
                steps,
                seed,
                more));
  }

  private byte[] adapter(String run) throws IOException {
    return Files.readAllBytes(place.path("runs/" + run + "/adapter_model.safetensors"));
  }

  private Ran queue(String... more) {
    List<String> line = new ArrayList<>(List.of("runs", "queue"));
    line.addAll(List.of(more));
    return place.run(line.toArray(String[]::new));
  }

  @Test
  void runsBesideEachOtherGiveTheBytesTheyGiveAlone() throws IOException {
    file("a", 30, 1, "");
    file("b", 30, 2, "");
    file("c", 5, 3, "");
    Ran ran = queue("D/a.yaml", "D/b.yaml", "D/c.yaml", "--memory", "1500M", "--threads", "2");
    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(ran.err())
        .contains("D/a.yaml begins, into D/runs/a\nD/b.yaml begins, into D/runs/b\n")
        .contains("D/c.yaml waits for ")
        .contains("D/c.yaml is finished\n");
    for (String run : List.of("a", "b", "c")) {
      byte[] beside = adapter(run);
      Ran alone =
          place.run("train", "--config", "D/" + run + ".yaml", "--out", "D/runs/" + run, "-q");
      assertThat(alone.err()).contains("finished already");
      place.run("train", "--config", "D/" + run + ".yaml", "--out", "D/runs/alone-" + run, "-q");
      assertThat(adapter("alone-" + run)).isEqualTo(beside);
    }
    assertThat(queue("D/a.yaml", "D/b.yaml", "D/c.yaml").err())
        .isEqualTo(
            "D/a.yaml is finished already\n"
                + "D/b.yaml is finished already\n"
                + "D/c.yaml is finished already\n");
  }

  /// `resume` and `out` of a file count as flags do, and kept checkpoints stay.
  @Test
  void aFileMayGoOnWithItsRunAndCheckpointsAreKept() throws IOException {
    file("a", 6, 1, "keep: 2\nrank: 4");
    assertThat(place.run("train", "--config", "D/a.yaml", "-q").code()).isZero();
    place.edit("a.yaml", "rank: 4", "resume: true");
    place.edit("a.yaml", "keep: 2\n", "");
    Ran again = place.run("train", "--config", "D/a.yaml");
    assertThat(again.code()).as(again.err()).isZero();
    assertThat(again.err()).contains("finished already");
    assertThat(place.path("runs/a/checkpoints")).isNotEmptyDirectory();
  }

  @Test
  void oneThatFailsDoesNotHoldUpTheOthers() throws IOException {
    file("bad", 3, 1, "learning_rate: 1e39\nwarmup: 0");
    file("good", 3, 1, "");
    Ran ran = queue("D/bad.yaml", "D/good.yaml", "--json");
    assertThat(ran.code()).isEqualTo(1);
    assertThat(ran.err()).endsWith("nudge: 1 run of 2 failed; the rest is done\n");
    assertThat(ran.out())
        .hasLineCount(1)
        .contains("\"state\":\"failed\"", "\"state\":\"finished\"");
    assertThat(adapter("good")).isNotEmpty();
  }

  @Test
  void aMistakeInOneIsToldBeforeTheFirstBegins() throws IOException {
    file("a", 3, 1, "");
    file("b", 3, 1, "rank: none");
    Ran ran = queue("D/a.yaml", "D/b.yaml");
    assertThat(ran.code()).isEqualTo(2);
    assertThat(ran.err()).startsWith("nudge: D/b.yaml: rank ").hasLineCount(1);
    file("b", 3, 1, "dry_run: true");
    assertThat(queue("D/a.yaml", "D/b.yaml").err())
        .isEqualTo(
            "nudge: D/b.yaml: dry_run is given, and a queue trains; leave it out, or use train\n");
    file("b", 3, 1, "");
    place.edit("b.yaml", "runs/b", "runs/a");
    assertThat(queue("D/a.yaml", "D/b.yaml").err())
        .isEqualTo(
            "nudge: D/a.yaml and D/b.yaml both train into D/runs/a; give each its own folder\n");
    assertThat(queue("D/a.yaml", "--threads", "0").err())
        .isEqualTo("nudge: --threads is 0; it must be at least 1\n");
    assertThat(queue("D/none.yaml").err()).startsWith("nudge: ").contains("no such file");
    assertThat(queue("D/a.yaml", "--memory", "100M").code()).isEqualTo(2);
    assertThat(place.path("runs")).doesNotExist();
  }

  @Test
  void aKilledQueueGoesOn() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/self/fd/1")), "no Linux");
    file("a", 40, 1, "");
    file("b", 300, 2, "");
    List<String> command = ChildJvm.command(ChildJvm.FLAGS, Main.class.getName());
    command.addAll(List.of("runs", "queue", "--threads", "1", "--memory", "1G"));
    command.addAll(List.of(place.path("a.yaml").toString(), place.path("b.yaml").toString()));
    Process process = new ProcessBuilder(command).start();
    try (BufferedReader err = process.errorReader(UTF_8)) {
      for (String line = err.readLine(); line != null; line = err.readLine()) {
        if (line.contains("b.yaml  step 60/")) {
          process.destroyForcibly();
        }
      }
    } catch (IOException e) {
      // the stream ends with the process
    }
    process.waitFor();
    Ran rest = queue("D/a.yaml", "D/b.yaml", "--threads", "1", "--memory", "1G");
    assertThat(rest.code()).as(rest.err()).isZero();
    assertThat(rest.err())
        .contains("D/a.yaml is finished already\n")
        .contains("D/b.yaml begins, into D/runs/b\n")
        .contains("D/b.yaml is finished\n")
        .doesNotContain("D/b.yaml  step 30/");
  }
}
