package dev.nudge.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.format.SafeTensors;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Kernels;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.quant.Nf4Format;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Trains on weights in NF4.
class Nf4RunTest {
  @TempDir private Path temp;

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void quantisedOnLoadOrFromAFileGivesTheSameAdapter(boolean doubleQuant) throws IOException {
    Path stored = temp.resolve("nf4");
    QuantizedFolder.prepare(
            QuantizeSettings.of(
                Map.of("model", TinyRun.UNTIED, "out", stored, "double_quant", doubleQuant)),
            Backends.cache())
        .write(Kernels.fastest(), () -> false);
    Path rows = TinyRun.rows(temp.resolve("rows"), 12, 60, 1);
    TrainSettings onLoad =
        TinyRun.settings(
            TinyRun.UNTIED,
            rows,
            temp.resolve("a"),
            "quantize nf4 steps 4 batch_size 4",
            "double_quant",
            doubleQuant);
    TinyRun.run(onLoad);
    TrainSettings fromFile =
        TinyRun.settings(stored, rows, temp.resolve("b"), "steps", 4, "batch_size", 4);
    TinyRun.run(fromFile);
    String adapter = "adapter_model.safetensors";
    assertThat(Files.mismatch(temp.resolve("a/" + adapter), temp.resolve("b/" + adapter)))
        .isEqualTo(-1);
    for (String run : new String[] {"a", "b"}) {
      var settings = TinyRun.record(temp.resolve(run)).get("settings");
      assertThat(settings.get("quantize").asString()).isEqualTo("nf4");
      assertThat(settings.get("double_quant").asBoolean()).isEqualTo(doubleQuant);
    }
    Path cache = Backends.cache();
    assertThat(Files.readString(stored.resolve(Identity.FILE)))
        .contains(BaseDigest.of(TinyRun.UNTIED, cache));
    List<String> warnings = new ArrayList<>();
    for (String run : new String[] {"a", "b"}) { // each is an adapter of both
      for (Path model : List.of(TinyRun.UNTIED, stored)) {
        Identity.check(
            temp.resolve(run),
            new Identity.Model(
                model, new Nf4Format(doubleQuant), () -> BaseDigest.of(model, cache)),
            false,
            warnings::add);
      }
    }
    assertThat(warnings).isEmpty();
    assertThat(Training.finished(fromFile)).isTrue();
    assertThat(Training.finished(onLoad)).isTrue();
  }

  @Test
  void anAdapterMayBeginWithWhatFourBitsLost() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 12, 60, 1);
    String adapter = "adapter_model.safetensors";
    String[] runs = {"loftq", "again", "zero"};
    for (String run : runs) {
      TinyRun.run(
          TinyRun.settings(
              TinyRun.UNTIED,
              rows,
              temp.resolve(run),
              "quantize nf4 learning_rate 1e-9 steps 1",
              "init",
              run.equals("zero") ? "zero" : "loftq"));
    }
    assertThat(Files.mismatch(temp.resolve("loftq/" + adapter), temp.resolve("again/" + adapter)))
        .isEqualTo(-1);
    assertThat(largestOfB(temp.resolve("loftq"))).isGreaterThan(1e-3);
    assertThat(largestOfB(temp.resolve("zero"))).isLessThan(1e-6);
    assertThat(TinyRun.record(temp.resolve("loftq")).get("settings").get("init").asString())
        .isEqualTo("loftq");
  }

  private static double largestOfB(Path run) {
    double largest = 0;
    try (SafeTensors file = SafeTensors.open(run.resolve("adapter_model.safetensors"))) {
      for (String name : file.names()) {
        if (name.contains("lora_B")) {
          Tensor b = file.tensor(name);
          for (long i = 0; i < b.elements(); i++) {
            largest = Math.max(largest, Math.abs(b.at(i)));
          }
        }
      }
    }
    return largest;
  }

  @Test
  void weightsThatDoNotFitAreStreamedToTheSameBytes() throws IOException {
    Path stored = temp.resolve("nf4");
    QuantizedFolder.prepare(QuantizeSettings.of(Map.of("model", TinyRun.UNTIED, "out", stored)))
        .write(Kernels.fastest(), () -> false);
    Path rows = TinyRun.rows(temp.resolve("rows"), 6, 60, 1);
    TrainSettings resident =
        TinyRun.settings(stored, rows, temp.resolve("a"), "steps", 3, "batch_size", 2);
    Prepared large = Training.prepare(resident, TinyRun.MACHINE);
    assertThat(large.streams()).isFalse();
    Prepared small = large;
    for (int i = 0; i < 100 && !small.streams(); i++) { // all means that save memory come before
      TrainSettings tight =
          resident
              .with("memory", Long.toString(small.plan().totalBytes()))
              .with("out", temp.resolve("b"));
      small = Training.prepare(tight, TinyRun.MACHINE);
    }
    assertThat(small.streams()).isTrue();
    assertThat(small.lines()).anyMatch(line -> line.startsWith("weights    "));
    Prepared same = TinyRun.withPlan(large, small.plan());
    assertThat(same.streams()).isFalse();
    Training.run(same, event -> {}, () -> false);
    Training.run(small, event -> {}, () -> false);
    String adapter = "adapter_model.safetensors";
    assertThat(Files.mismatch(temp.resolve("a/" + adapter), temp.resolve("b/" + adapter)))
        .isEqualTo(-1);
  }

  @Test
  void aDenseRunSaysThatItIsDense() throws IOException {
    Path rows = TinyRun.rows(temp.resolve("rows"), 4, 30, 1);
    TrainSettings settings = TinyRun.settings(TinyRun.TIED, rows, temp.resolve("a"), "steps", 1);
    TinyRun.run(settings);
    var recorded = TinyRun.record(temp.resolve("a")).get("settings");
    assertThat(recorded.get("quantize").asString()).isEqualTo("none");
    assertThat(recorded.get("double_quant").isNull()).isTrue();
    assertThat(Training.finished(settings)).isTrue();
  }
}
