package dev.nudge.server.experiments;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.ChildJvm;
import dev.nudge.format.Json;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Kills a process in the middle of its work, without a warning, several times over one folder.
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KillTest {
  @TempDir Path folder;

  /// A server of four callers without end: a line for what each has had acknowledged.
  static final class Busy {
    public static void main(String[] args) {
      Experiments experiments = Experiments.open(Path.of(args[0]), new Some.Server());
      Feedback feedback = new Feedback(experiments);
      if (experiments.names().isEmpty()) {
        experiments.create(Json.parse(Some.AB.replace('\'', '"')));
        System.out.println("created");
      }
      try (var callers = Executors.newVirtualThreadPerTaskExecutor()) {
        for (int i = 0; i < 4; i++) {
          String caller = args[1] + "-" + i;
          callers.submit(
              () -> {
                for (int n = 0; ; n++) {
                  String request = caller + "-" + n;
                  Unit unit = new Unit("user" + request.hashCode() % 97);
                  Routed routed = requireNonNull(experiments.route("tone", unit, request));
                  if (routed.await()) {
                    System.out.println("assigned " + request + " " + routed.arm().name());
                  }
                  routed.ended(routed.arm(), Some.done("chatcmpl-" + request, 20));
                  feedback.take(
                      Json.parse("{\"request_id\": \"%s\", \"score\": 0.5}".formatted(request)));
                  System.out.println("feedback " + request + " " + routed.arm().name());
                }
              });
        }
      }
    }
  }

  @Test
  void whatWasAcknowledgedOutlivesTheProcess() throws Exception {
    Map<String, String> assigned = new HashMap<>();
    Map<String, String> scored = new HashMap<>();
    for (int round = 0; round < 3; round++) {
      Process process = java(folder.toString(), "r" + round);
      try (BufferedReader lines = process.inputReader(UTF_8)) {
        int read = 0;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
          String[] words = line.split(" ");
          if (words.length == 3) {
            (words[0].equals("assigned") ? assigned : scored).put(words[1], words[2]);
          }
          if (++read == 20) { // two processes would write over each other
            assertThatThrownBy(() -> Experiments.open(folder, new Some.Server()))
                .hasMessageContaining("is in use by another server");
          }
          if (read == 150 + 50 * round) {
            process.toHandle().destroyForcibly(); // SIGKILL; what it said is read to the end
          }
        }
      } finally {
        process.destroyForcibly();
      }
      process.waitFor();
    }
    assertThat(scored).hasSizeGreaterThan(100);
    ExperimentTotals tally =
        requireNonNull(ExperimentLog.read(folder.resolve("tone.jsonl"))).tally();
    List<String> lost = new ArrayList<>();
    assigned.forEach(
        (request, arm) -> {
          PendingRequest asked = tally.asked(request);
          if (asked == null || !tally.definition().arms().get(asked.arm).name().equals(arm)) {
            lost.add("assigned " + request);
          }
        });
    scored.forEach(
        (request, arm) -> {
          PendingRequest asked = tally.asked(request);
          if (asked == null || !Double.valueOf(0.5).equals(asked.scores[0])) {
            lost.add("feedback " + request);
          }
        });
    assertThat(lost).isEmpty();
  }

  private static Process java(String... arguments) throws java.io.IOException {
    List<String> command =
        ChildJvm.command(
            List.of("-XX:+UseSerialGC", "-Xmx256m"), Busy.class.getName(), (Object[]) arguments);
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }
}
