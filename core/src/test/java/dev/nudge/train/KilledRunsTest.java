package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Seeds;
import dev.nudge.format.Faults;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.train.events.TrainEvent;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Kills real processes (SIGKILL) in every phase of a run, again and again, and lets each run come
/// to its end: it has the bytes of a run that was never away.
///
/// The child writes a line when a phase begins. The parent picks the phase with the fewest kills
/// and how often it comes before it counts, and kills at that line or a moment after; the phase
/// that counts is the last that the child told of.
class KilledRunsTest {
  private static final int KILLS = 120;
  private static final int LEAST = 10; // in a phase
  private static final int IN_A_RUN = 6; // kills, before it is let to its end
  private static final List<String> KINDS = List.of("lora", "nf4", "8bit", "full");
  private static final List<String> PHASES =
      List.of("start", "step", "evaluation", "checkpoint", "rename", "final adapter");

  @TempDir private Path temp;
  private final Random random = Seeds.random();
  private final Map<String, Integer> kills = new TreeMap<>();
  private int resumed;

  @Test
  @Tag("slow")
  void killedInEveryPhaseItEndsAsIfItNeverWas() throws Exception {
    TinyRun.rows(temp.resolve("rows"), 11, 60, 1);
    TinyRun.rows(temp.resolve("held"), 3, 30, 2);
    Map<String, Map<String, String>> whole = new HashMap<>();
    for (String kind : KINDS) {
      assertThat(child(kind, kind, "none", 0)).isTrue();
      whole.put(kind, ResumeTest.fixed(temp.resolve(kind)));
    }
    int runs = 0;
    while (killed() < KILLS
        || killed() < 3 * KILLS && rarest() < LEAST) { // a busy machine's are late
      String kind = KINDS.get(runs % KINDS.size());
      String out = kind + "-" + runs++;
      boolean ended = false;
      for (int i = 0; i < IN_A_RUN && !ended; i++) {
        String phase = Collections.min(PHASES, Comparator.comparing(p -> kills.getOrDefault(p, 0)));
        int times = phase.equals("start") ? 1 : 1 + random.nextInt(4); // it comes once
        ended = child(kind, out, phase, times);
      }
      ended = ended || child(kind, out, "none", 0);
      assertThat(ended).as(out).isTrue();
      assertThat(ResumeTest.fixed(temp.resolve(out))).as(out).isEqualTo(whole.get(kind));
    }
    System.out.printf(
        Locale.ROOT, "kills by phase %s, in %d runs, %d times gone on%n", kills, runs, resumed);
    assertThat(resumed).as("runs that went on from a checkpoint").isGreaterThan(KILLS / 2);
    for (String phase : PHASES) {
      assertThat(kills)
          .as("kills by phase")
          .hasEntrySatisfying(phase, n -> assertThat(n).isGreaterThanOrEqualTo(LEAST));
    }
  }

  private int killed() {
    return kills.values().stream().mapToInt(n -> n).sum();
  }

  private int rarest() {
    return PHASES.stream().mapToInt(phase -> kills.getOrDefault(phase, 0)).min().orElse(0);
  }

  /// Trains in a process that is killed when a phase has begun for the n-th time.
  ///
  /// @return whether it came to its end before that
  private boolean child(String kind, String out, String phase, int times)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("--add-modules", "jdk.incubator.vector"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(KilledRunsTest.class.getName(), temp.toString(), kind, out));
    Path errors = temp.resolve("errors");
    Process process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
    String last = "";
    int seen = 0;
    boolean killed = false;
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.equals("goes on")) {
          resumed++;
          continue;
        }
        last = line;
        if (line.equals(phase) && ++seen == times) {
          if (random.nextBoolean()) {
            Thread.sleep(0, random.nextInt(999_999));
          }
          process.destroyForcibly();
          killed = true;
        }
      }
    } catch (IOException e) {
      assertThat(killed).isTrue(); // the stream ends with the process
    }
    int code = process.waitFor();
    if (killed && code == 137) {
      kills.merge(last, 1, Integer::sum);
      return false;
    }
    assertThat(code).as("%s: %s", out, Files.readString(errors)).isIn(0, 137);
    return code == 0;
  }

  /// Trains, and tells of phases on standard output.
  public static void main(String[] args) {
    Path temp = Path.of(args[0]);
    PrintStream told = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    told.println("start");
    Path out = temp.resolve(args[2]);
    TrainSettings settings =
        ResumeTest.settings(args[1], temp.resolve("rows"), temp.resolve("held"), out);
    if (Files.exists(out.resolve("run.json")) && Training.finished(settings)) {
      System.exit(0);
    }
    Prepared prepared = Training.prepare(settings, TinyRun.MACHINE);
    if (prepared.schedule().resumed() != null) {
      told.println("goes on");
    }
    boolean[] ends = {false};
    Faults.watch(
        (change, path) -> {
          if (change.equals("rename")) {
            told.println("rename");
          } else if (path.toString().contains("checkpoints")) {
            told.println("checkpoint");
          } else if (ends[0] && path.toString().contains("adapter_model")
              || ends[0] && path.toString().contains("model.safetensors")) {
            told.println("final adapter");
          }
        });
    Training.run(
        prepared,
        event -> {
          if (event instanceof TrainEvent.Step step) {
            ends[0] = step.step() == ResumeTest.STEPS;
            told.println(step.step() % 2 == 0 || ends[0] ? "evaluation" : "step");
          } else if (event instanceof TrainEvent.Evaluated && !ends[0]) {
            told.println("step");
          }
        },
        () -> false);
    System.exit(0);
  }
}
