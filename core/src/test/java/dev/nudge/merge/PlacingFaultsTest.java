package dev.nudge.merge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.FaultRounds;
import dev.nudge.format.Faults;
import dev.nudge.format.SafeTensors;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Replaces a merged and a quantised model by a command that fails or is killed at each of its
/// changes of the disk: the folder is the old model or the new one, with a user's file always.
class PlacingFaultsTest {
  @TempDir private Path temp;

  /// Writes `temp/OUT` by a verb from the base of so many files.
  private static void write(Path temp, String verb, int shards, String out) {
    Path model = temp.resolve("base" + shards);
    if (verb.equals("quantize")) {
      Map<String, Object> values = new HashMap<>(Map.of("model", model, "overwrite", true));
      values.put("out", temp.resolve(out));
      values.put("double_quant", shards == 1);
      requireNonNull(
          QuantizedFolder.prepare(QuantizeSettings.of(values), Backends.cache())
              .write(Kernels.fastest(), () -> false));
    } else {
      List<Path> adapter = List.of(temp.resolve("adapter"));
      boolean nf4 = verb.equals("merge-nf4");
      requireNonNull(
          MergingTest.run(
              MergingTest.settings(
                  model,
                  adapter,
                  temp.resolve(out),
                  "overwrite",
                  true,
                  "any_base",
                  true,
                  "store",
                  nf4 && shards == 3 ? "nf4" : "base",
                  "tolerance",
                  9.0,
                  "threads",
                  1)));
    }
  }

  private static void look(Path folder) {
    ModelConfig.load(folder);
    SafeTensors.open(folder).close();
  }

  private FaultRounds rounds(String verb) throws IOException {
    Path three = Bases.write(temp.resolve("base3"), Dtype.BF16, 3, false);
    Bases.write(temp.resolve("base1"), Dtype.F32, 1, false);
    Bases.adapter(temp.resolve("adapter"), three, Lora.of(3, 5, Targets.parse("all-linear")), 1);
    write(temp, verb, 1, "before");
    Files.writeString(temp.resolve("before/mine.txt"), "mine");
    Path out = temp.resolve("out");
    Faults.restore(temp.resolve("before"), out);
    write(temp, verb, 3, "out");
    assertThat(out.resolve("mine.txt")).hasContent("mine");
    return new FaultRounds(temp.resolve("before"), out, Set.of(Faults.files(out)), Set.of());
  }

  private void faults(String verb, Faults.Kind kind, int stride) throws IOException {
    int many =
        rounds(verb)
            .failing(kind, stride, () -> write(temp, verb, 3, "out"), PlacingFaultsTest::look);
    assertThat(many).isGreaterThan(40 / stride);
  }

  @ParameterizedTest
  @CsvSource({
    "merge, FAILED",
    "merge, KILLED",
    "merge-nf4, KILLED",
    "quantize, FAILED",
    "quantize, KILLED"
  })
  void oldOrNewWholeAtSomeChanges(String verb, Faults.Kind kind) throws IOException {
    faults(verb, kind, 5);
  }

  @ParameterizedTest
  @Tag("slow")
  @CsvSource({
    "merge, FAILED",
    "merge, KILLED",
    "merge-nf4, FAILED",
    "merge-nf4, KILLED",
    "quantize, FAILED",
    "quantize, KILLED"
  })
  void oldOrNewWholeAtEveryChange(String verb, Faults.Kind kind) throws IOException {
    faults(verb, kind, 1);
  }

  @ParameterizedTest
  @Tag("slow")
  @ValueSource(strings = {"merge", "quantize"})
  void aProcessThatIsHaltedAtSomeChangesLeavesOldOrNew(String verb) throws Exception {
    int many =
        rounds(verb)
            .killing(
                29,
                PlacingFaultsTest.class,
                List.of(temp.toString(), verb),
                PlacingFaultsTest::look);
    assertThat(many).isGreaterThan(4);
  }

  /// Replaces `out` in a process that ends before a change.
  public static void main(String[] args) {
    Faults.haltAt(Integer.parseInt(args[0]));
    write(Path.of(args[1]), args[2], 3, "out");
    System.exit(0);
  }
}
