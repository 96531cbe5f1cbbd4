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
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Stops and kills the real command, and goes on as a user would.
class ResumeCommandTest {
  private static final String STEPS = "300";

  @TempDir Path folder;

  private List<String> flags(String out) {
    List<String> flags = new ArrayList<>();
    flags.addAll(List.of("train", "--model", folder.resolve("model").toString()));
    flags.addAll(List.of("--data", folder.resolve("rows.jsonl").toString()));
    flags.addAll(List.of("--out", folder.resolve(out).toString(), "--steps", STEPS));
    flags.addAll(List.of("--compute", "fp32", "--lanes", "2", "--threads", "1"));
    flags.addAll(List.of("--save-steps", "20", "--dropout", "0.1", "--learning-rate", "1e-3"));
    return flags;
  }

  /// Starts the command and sends it a signal behind some steps.
  ///
  /// @return its exit code and what it said
  private Ran signalled(String signal, String out) throws Exception {
    List<String> command = ChildJvm.command(ChildJvm.FLAGS, Main.class.getName());
    command.addAll(flags(out));
    Process process = new ProcessBuilder(command).start();
    StringBuilder said = new StringBuilder();
    try (BufferedReader err = process.errorReader(UTF_8)) {
      boolean sent = false;
      for (String line = err.readLine(); line != null; line = err.readLine()) {
        said.append(line).append('\n');
        if (!sent && Pattern.compile("step (3|4|5|6)\\d/" + STEPS).matcher(line).find()) {
          sent = true;
          new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
        }
      }
    }
    process.waitFor();
    return new Ran(process.exitValue(), "", said.toString());
  }

  private byte[] adapter(String out) throws IOException {
    return Files.readAllBytes(folder.resolve(out).resolve("adapter_model.safetensors"));
  }

  private List<String> losses(String out) throws IOException {
    Pattern loss = Pattern.compile("\"step\":\\d+,\"loss\":[^,]*");
    return Files.readAllLines(folder.resolve(out).resolve("metrics.jsonl")).stream()
        .map(loss::matcher)
        .filter(Matcher::find)
        .map(Matcher::group)
        .toList();
  }

  @Test
  void aStoppedAndAKilledRunEndAsOneThatWasNot() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/self/fd/1")), "no Linux");
    Place place = Place.in(folder);
    assertThat(Ran.of(flags("whole").toArray(String[]::new)).code()).isZero();

    Ran stopped = signalled("TERM", "out");
    assertThat(stopped.code()).as(stopped.err()).isEqualTo(143);
    assertThat(stopped.err()).contains("stopping after this step; again to stop at once");
    assertThat(stopped.err())
        .endsWith("\nto go on: nudge train --resume --out %s\n".formatted(folder.resolve("out")));
    assertThat(stopped.err())
        .contains("\ncompute    fp32")
        .doesNotContain("lanes  ", "mapped file");
    Ran killed = signalled("KILL", "out"); // the same command has gone on
    assertThat(killed.code()).isIn(137, 0);
    Ran rest = place.run("train", "--resume", "--out", "D/out");
    assertThat(rest.code()).as(rest.err()).isZero();
    assertThat(rest.err() + killed.err()).contains("resume     behind step ");

    assertThat(adapter("out")).isEqualTo(adapter("whole"));
    assertThat(losses("out")).hasSize(Integer.parseInt(STEPS)).isEqualTo(losses("whole"));
    assertThat(place.run("train", "--resume", "--out", "D/out").err())
        .contains("this run is finished already in D/out; nothing to do");
  }

  @Test
  void whatIsNotThereIsNotGoneOnWith() throws IOException {
    Place place = Place.in(folder);
    Ran none = place.run("train", "--resume", "--out", "D/out");
    assertThat(none.code()).isEqualTo(2);
    assertThat(none.err())
        .isEqualTo(
            "nudge: --resume: --out D/out holds no run to go on with; leave --resume out to begin"
                + " one\n");
    Ran both = place.train("--resume", "--overwrite");
    assertThat(both.code()).isEqualTo(2);
  }
}
