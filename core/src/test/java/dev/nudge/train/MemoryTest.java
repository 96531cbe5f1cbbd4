package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.nudge.machine.ProcessMemory;
import dev.nudge.tensor.Ledger;
import dev.nudge.train.events.TrainEvent;
import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Measures a run of 2,000 steps in a JVM of its own whose heap is touched beforehand, so that what
/// grows is native memory: between steps 200 and 2,000 the ledger by nothing, anonymous memory by
/// at most 8 MB.
///
/// The JVM's compiler takes up to 20 MB for a large method and gives them back, but malloc keeps
/// what is free; so the child trims malloc's heap regularly, and the lowest of some readings
/// counts, one without a compilation.
@Tag("slow")
class MemoryTest {
  private static final int READINGS = 15;
  private static final int MOST_READINGS = 300; // a minute

  @TempDir private Path temp;

  @Test
  void aRunDoesNotGrow() throws IOException {
    assumeFalse(Double.isNaN(ProcessMemory.rssAnonMb()), "the system does not tell RssAnon");
    Path data = TinyRun.rows(temp.resolve("rows.jsonl"), 997, 700, 3);
    List<String> command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules",
            "jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-Xms256m",
            "-Xmx256m",
            "-XX:+AlwaysPreTouch",
            "-XX:TrimNativeHeapInterval=300",
            "-cp",
            System.getProperty("java.class.path"),
            MemoryTest.class.getName(),
            data.toString(),
            temp.resolve("out").toString());
    Process child =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    List<String> lines = new ArrayList<>();
    try (var output = child.inputReader()) {
      output.lines().forEach(lines::add);
    }
    lines.forEach(System.out::println);
    String[] early = line(lines, "at 200 ");
    String[] late = line(lines, "at 2000 ");
    assertThat(late[2]).as("ledger").isEqualTo(early[2]);
    assertThat(Double.parseDouble(late[3]) - Double.parseDouble(early[3]))
        .as("growth of RssAnon in MiB")
        .isLessThan(8);
  }

  private static String[] line(List<String> lines, String start) {
    return lines.stream().filter(l -> l.startsWith(start)).findFirst().orElseThrow().split(" ");
  }

  /// Trains 2,000 steps and prints at 200, 800, 1,400 and 2,000 `at STEP LEDGER RSS_ANON_MB`.
  public static void main(String[] args) {
    var settings =
        TinyRun.settings(
            TinyRun.TIED,
            Path.of(args[0]),
            Path.of(args[1]),
            "lanes 2 dropout 0.1 batch_size 4 steps 2000");
    Training.run(
        Training.prepare(settings, TinyRun.MACHINE),
        event -> {
          if (event instanceof TrainEvent.Step s && s.step() % 600 == 200) {
            System.out.println("at " + s.step() + " " + Ledger.bytes() + " " + lowest());
          }
        },
        () -> false);
  }

  /// RssAnon after a collection, the lowest of some readings in a row between which nothing was
  /// compiled: on a busy machine a compilation takes long, and its memory counts as long.
  private static double lowest() {
    System.gc();
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    double lowest = Double.POSITIVE_INFINITY;
    long before = -1;
    int still = 0;
    for (int i = 0; i < MOST_READINGS && still < READINGS; i++) {
      LockSupport.parkNanos(200_000_000);
      lowest = Math.min(lowest, ProcessMemory.rssAnonMb());
      long now = compiler.getTotalCompilationTime();
      still = now == before ? still + 1 : 0;
      before = now;
    }
    return lowest;
  }
}
