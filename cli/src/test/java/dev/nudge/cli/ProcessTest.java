package dev.nudge.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.ChildJvm;
import dev.nudge.cli.console.Results;
import dev.nudge.cli.judge.EvalVerb;
import dev.nudge.cli.judge.ScoreVerb;
import dev.nudge.cli.train.TrainVerb;
import dev.nudge.engine.RowScore;
import dev.nudge.settings.RunException;
import dev.nudge.train.events.RunState;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/// Holds what only a process of its own can show: signals, a closed pipe, which classes load.
@DisabledOnOs(value = OS.WINDOWS, disabledReason = "signals and pipes of POSIX")
@Timeout(value = 1800, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ProcessTest {

  /// A command whose training waits until it is stopped, then takes a moment to save.
  static final class Waiting {
    public static void main(String[] args) {
      TrainVerb train =
          new TrainVerb(
              (_, _, cancelled) -> {
                System.err.println("running");
                while (!cancelled.getAsBoolean()) {
                  pause();
                }
                System.err.println("saved");
                return new TrainVerb.Outcome(
                    RunState.STOPPED, Map.of("state", "stopped"), List.of());
              });
      List<String> line = List.of("train", "--model", "m", "--data", "d", "--out", "o", "--json");
      System.exit(Main.run(List.of(train), line, new Results(System.out), System.err));
    }

    static void pause() {
      try {
        Thread.sleep(10);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  /// A command whose training does not end.
  static final class Endlessly {
    public static void main(String[] args) {
      TrainVerb train =
          new TrainVerb(
              (_, _, _) -> {
                System.err.println("running");
                while (true) {
                  Waiting.pause();
                }
              });
      List<String> line = List.of("train", "--model", "m", "--data", "d", "--out", "o");
      System.exit(Main.run(List.of(train), line, new Results(System.out), System.err));
    }
  }

  /// An evaluation that answers until its thread is interrupted.
  static final class Asking {
    public static void main(String[] args) {
      EvalVerb eval =
          new EvalVerb(
              (settings, _) -> {
                try {
                  Files.createDirectories(settings.out());
                  Files.writeString(settings.out().resolve("answers.jsonl"), "");
                  System.err.println("running");
                  Thread.sleep(60_000);
                  throw new IllegalStateException("nobody stopped it");
                } catch (IOException e) {
                  throw new IllegalStateException(e);
                } catch (InterruptedException e) {
                  throw new RunException("interrupted: some texts are not scored", e);
                }
              });
      List<String> line =
          List.of("eval", "--model", "m", "--tasks", "t", "--out", args[0], "--json");
      System.exit(Main.run(List.of(eval), line, new Results(System.out), System.err));
    }
  }

  /// A command that never stops printing; its system speaks French where it is told to.
  static final class Endless {
    public static void main(String[] args) {
      ScoreVerb score =
          new ScoreVerb(
              (_, rows, _, _) -> {
                for (int i = 0; ; i++) {
                  rows.accept(new RowScore(i, 1, -1, true));
                }
              });
      PrintStream err = System.err;
      OutputStream out = new java.io.FileOutputStream(java.io.FileDescriptor.out);
      List<String> line = List.of("score", "--model", "m", "--data", "d");
      Results results = Results.standard(args.length > 0 ? french(out) : out);
      System.exit(Main.run(List.of(score), line, results, err));
    }

    private static OutputStream french(OutputStream out) {
      return new OutputStream() {
        @Override
        public void write(int b) throws IOException {
          try {
            out.write(b);
          } catch (IOException e) {
            throw new IOException("Relais brisé (pipe)", e);
          }
        }
      };
    }
  }

  @Test
  void aTerminationSavesAndEndsWithItsCode() throws Exception {
    assertStops("TERM", 143);
  }

  @Test
  void anInterruptSavesAndEndsWithItsCode() throws Exception {
    // a shell starts background commands with interrupts ignored, and a JVM leaves that so
    assumeFalse(ignoresInterrupts(), "this process was started with interrupts ignored");
    assertStops("INT", 130);
  }

  @Test
  void aSecondSignalEndsItAtOnceAndSaysSo() throws Exception {
    Process process = java(List.of(), Endlessly.class);
    var err = process.errorReader(UTF_8);
    assertThat(err.readLine()).isEqualTo("running");
    for (int i = 0; i < 2; i++) {
      new ProcessBuilder("kill", "-TERM", Long.toString(process.pid())).start().waitFor();
      String line = err.readLine();
      while (line != null && line.isEmpty()) {
        line = err.readLine();
      }
      assertThat(line)
          .isEqualTo(
              i == 0
                  ? "stopping after this step; again to stop at once"
                  : "nudge: stopped at once; what was saved before is kept");
    }
    process.waitFor();
    assertThat(process.exitValue()).isEqualTo(143);
  }

  @Test
  void anEvaluationThatIsStoppedSaysWhatIsKept(@TempDir Path folder) throws Exception {
    List<String> signals = ignoresInterrupts() ? List.of("TERM") : List.of("TERM", "INT");
    for (String signal : signals) {
      Path out = folder.resolve(signal);
      Process process = java(List.of(), Asking.class, out.toString());
      var err = process.errorReader(UTF_8);
      assertThat(err.readLine()).isEqualTo("running");
      new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
      List<String> rest = err.lines().filter(line -> !line.isEmpty()).toList();
      process.waitFor();
      assertThat(process.exitValue()).isEqualTo(signal.equals("TERM") ? 143 : 130);
      assertThat(rest)
          .containsExactly(
              "stopping; again to stop at once",
              "nudge: stopped; answers so far are kept in "
                  + out
                  + ", and the same command goes on from there");
      assertThat(process.getInputStream().readAllBytes()).isEmpty();
    }
  }

  static boolean ignoresInterrupts() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (Files.notExists(status)) {
      return false;
    }
    return Files.readAllLines(status).stream()
        .filter(line -> line.startsWith("SigIgn:"))
        .anyMatch(line -> (Long.parseUnsignedLong(line.substring(7).strip(), 16) & 2) != 0);
  }

  @Test
  void aReaderThatHasSeenEnoughEndsItQuietly() throws Exception {
    assertEndsWithItsReader();
  }

  @Test
  void whateverTheSystemCallsIt() throws Exception {
    assumeTrue(Files.exists(Path.of("/proc/self/fd/1")), "no Linux");
    assertEndsWithItsReader("french");
  }

  private static void assertEndsWithItsReader(String... arguments) throws Exception {
    Process process = java(List.of(), Endless.class, arguments);
    process.inputReader(UTF_8).readLine();
    process.getInputStream().close();
    process.waitFor();
    assertThat(process.exitValue()).isZero();
    assertThat(new String(process.getErrorStream().readAllBytes(), UTF_8)).isEmpty();
  }

  @Test
  void helpLoadsNothingOfTheEngine() throws Exception {
    for (String[] line : new String[][] {{"--help"}, {"train", "--help"}, {"--version"}}) {
      Process process = java(List.of("-Xlog:class+load:stdout"), Main.class, line);
      String loaded = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.waitFor()).isZero();
      assertThat(loaded)
          .contains("dev.nudge.cli.Main ")
          .doesNotContain("tools.jackson.")
          .doesNotContain("ai.djl.")
          .doesNotContain("dev.nudge.tensor.")
          .doesNotContain("dev.nudge.kernel.")
          .doesNotContain("org.snakeyaml.");
    }
  }

  private static void assertStops(String signal, int code) throws Exception {
    Process process = java(List.of(), Waiting.class);
    var err = process.errorReader(UTF_8);
    assertThat(err.readLine()).isEqualTo("running");
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    List<String> rest = err.lines().toList();
    process.waitFor();
    assertThat(rest).contains("saved");
    assertThat(process.exitValue()).isEqualTo(code);
    assertThat(new String(process.getInputStream().readAllBytes(), UTF_8))
        .isEqualTo("{\"state\":\"stopped\"}\n");
  }

  private static Process java(List<String> flags, Class<?> main, String... arguments)
      throws IOException {
    List<String> all = new ArrayList<>(flags);
    all.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-XX:+UseSerialGC"));
    return new ProcessBuilder(ChildJvm.command(all, main.getName(), (Object[]) arguments)).start();
  }
}
