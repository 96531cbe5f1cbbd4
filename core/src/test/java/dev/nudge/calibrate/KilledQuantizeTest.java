package dev.nudge.calibrate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.ChildJvm;
import dev.nudge.Seeds;
import dev.nudge.format.Faults;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.QuantizeSettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Kills real processes (SIGKILL) that quantise, at changes of the disk, and lets the last come to
/// its end: the folder has the bytes of one that was never killed, and nothing is beside it.
class KilledQuantizeTest {
  private static final Path MODEL = // three layers
      Path.of("src/test/resources/golden/families/gemma3/model");
  private static final int KILLS = 2;
  private static final int CHANGES = 3; // of the disk, for a layer's file

  @TempDir private Path temp;
  private final Random random = Seeds.random();

  @ParameterizedTest
  @ValueSource(strings = {"gptq", "awq"})
  void killedItEndsAsIfItNeverWas(String method) throws Exception {
    Path whole = temp.resolve("whole");
    assertThat(write(method, whole)).isZero();
    Path out = temp.resolve("out");
    for (int layer = 2; layer <= KILLS + 1; layer++) {
      killed(method, out, "model-0000%d-of-".formatted(layer), 1 + random.nextInt(CHANGES));
      assertThat(out).doesNotExist();
    }
    int resumed = write(method, out);
    assertThat(resumed).as("layers of killed calls").isBetween(KILLS, KILLS + 1);
    assertThat(CalibratedFolderTest.files(out)).isEqualTo(CalibratedFolderTest.files(whole));
    try (Stream<Path> left = Files.list(temp)) {
      assertThat(left).containsExactlyInAnyOrder(whole, out);
    }
  }

  /// Quantises in a process that is killed at the n-th change of a file.
  private static void killed(String method, Path out, String file, int n)
      throws IOException, InterruptedException {
    List<String> flags = new ArrayList<>(ChildJvm.FLAGS);
    flags.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    Process process =
        new ProcessBuilder(ChildJvm.command(flags, KilledQuantizeTest.class.getName(), method, out))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    int seen = 0;
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.contains(file) && ++seen == n) {
          process.destroyForcibly();
        }
      }
    } catch (IOException e) {
      assertThat(seen).isGreaterThanOrEqualTo(n); // the stream ends with the process
    }
    assertThat(process.waitFor()).as("SIGKILL at change %d of %s", n, file).isEqualTo(137);
  }

  /// Quantises, and writes a line for each change of the disk.
  public static void main(String[] args) {
    PrintStream told = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    Faults.watch((change, path) -> told.println(path));
    write(args[0], Path.of(args[1]));
    System.exit(0);
  }

  /// @return layers that an earlier call had done
  private static int write(String method, Path out) {
    QuantizeSettings settings =
        CalibratedFolderTest.settings(MODEL, out, "method", method, "group_size", 32);
    Random random = new Random(5);
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      rows.add(random.ints(3 + random.nextInt(20), 0, 40).toArray());
    }
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    var written =
        CalibratedFolder.prepare(settings, machine, rows, _ -> {})
            .write((_, _, _) -> {}, () -> false);
    return Objects.requireNonNull(Objects.requireNonNull(written).calibration()).resumed();
  }
}
