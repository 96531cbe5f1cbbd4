package dev.nudge.calibrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.Backends;
import dev.nudge.adapter.PeftFiles;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.SafeTensors;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.machine.Machine;
import dev.nudge.merge.Merged;
import dev.nudge.merge.Merging;
import dev.nudge.merge.ModelDifference;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.quant.GroupedFile;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Folders in GPTQ and AWQ give what their source gives, but for what rounding loses.
class CalibratedFolderTest {
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final Path FAMILIES = Path.of("src/test/resources/golden/families");

  @TempDir private Path temp;

  private static List<int[]> rows(Path model, int count) {
    Random random = new Random(5);
    int vocabulary = ModelConfig.load(model).vocabSize();
    List<int[]> rows = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      rows.add(random.ints(3 + random.nextInt(40), 0, vocabulary).toArray());
    }
    return rows;
  }

  static QuantizeSettings settings(Path model, Path out, Object... more) {
    Map<String, Object> values = new HashMap<>();
    values.putAll(Map.of("model", model, "out", out, "calibration", List.of("given")));
    for (int i = 0; i < more.length; i += 2) {
      values.put((String) more[i], more[i + 1]);
    }
    return QuantizeSettings.of(values);
  }

  private static QuantizedFolder.Calibration write(QuantizeSettings settings) {
    QuantizedFolder.Written written =
        CalibratedFolder.prepare(settings, MACHINE, rows(settings.model(), 40), _ -> {})
            .write((_, _, _) -> {}, () -> false);
    return Objects.requireNonNull(Objects.requireNonNull(written).calibration());
  }

  /// Norms with an offset and around, none before, fused layers, as many key heads as heads,
  /// biases.
  @ParameterizedTest
  @ValueSource(strings = {"gemma2", "olmo2", "phi3", "granite-biased", "qwen3-biased-yarn"})
  void eightBitsOfAnyFamilyGiveNearlyWhatTheSourceGives(String family) throws IOException {
    Path model = FAMILIES.resolve(family).resolve("model");
    for (String method : List.of("gptq", "awq")) {
      Path out = temp.resolve(method);
      var made =
          write(
              settings(
                  model,
                  out,
                  "method",
                  method,
                  "bits",
                  8,
                  "group_size",
                  4,
                  "format",
                  "compressed-tensors"));
      assertThat(made.kl()).as(method).isLessThan(5e-3);
      assertThat(Files.exists(out.resolveSibling(method + ".partial"))).isFalse();
    }
    String qkv = "self_attn." + (family.equals("phi3") ? "qkv" : "q") + "_proj.in";
    boolean alike = List.of("phi3", "granite-biased").contains(family);
    try (SafeTensors scales = SafeTensors.open(temp.resolve("awq/awq_scales.safetensors"))) {
      assertThat(scales.names()).anyMatch(name -> name.endsWith("mlp.down_proj.in"));
      assertThat(scales.names().stream().anyMatch(name -> name.endsWith(qkv)))
          .isEqualTo(!family.equals("olmo2"));
      assertThat(scales.names().stream().anyMatch(name -> name.endsWith("o_proj.in")))
          .isEqualTo(alike);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "gptq, gptq, true, true, true",
    "gptq, gptq, true, true, false",
    "gptq, gptq_v2, false, true, false",
    "gptq, gptq, false, true, true",
    "gptq, compressed-tensors, false, true, true",
    "awq, awq, false, , ",
    "awq, awq, true, , ",
    "awq, compressed-tensors, false, , ",
  })
  void fourBitsInEveryLayoutAreRead(
      String method, String format, boolean sym, Boolean ordered, Boolean statically) {
    Path model = FAMILIES.resolve("mistral/model");
    Map<String, Object> more = new LinkedHashMap<>();
    more.put("act_order", ordered);
    more.put("static_groups", statically);
    more.values().removeIf(Objects::isNull);
    List<Object> all =
        new ArrayList<>(List.of("method", method, "format", format, "sym", sym, "group_size", 32));
    more.forEach((key, value) -> all.addAll(List.of(key, value)));
    var made = write(settings(model, temp.resolve("out"), all.toArray()));
    assertThat(made.kl()).isLessThan(0.1);
    assertThat(made.damped()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"gptq, gptq, true", "gptq, gptq_v2, false", "awq, compressed-tensors, false"})
  void threeBitsAreRead(String method, String format, boolean sym) {
    Path model = FAMILIES.resolve("mistral/model");
    QuantizeSettings settings =
        settings(
            model,
            temp.resolve("out"),
            "method",
            method,
            "format",
            format,
            "sym",
            sym,
            "bits",
            3,
            "group_size",
            32);
    assertThat(write(settings).kl()).isBetween(1e-4, 0.4);
  }

  @Test
  void aCallThatWasStoppedGoesOnToTheSameBytes() throws IOException {
    Path model = FAMILIES.resolve("gemma3/model"); // three layers
    for (String method : List.of("gptq", "awq")) {
      Path whole = temp.resolve(method + "-whole");
      Path cut = temp.resolve(method + "-cut");
      write(settings(model, whole, "method", method, "group_size", 32));
      QuantizeSettings again = settings(model, cut, "method", method, "group_size", 32);
      ModelConfig config = ModelConfig.load(model);
      GroupedFile format = GroupedFile.of(again);
      long needed = CalibratedFolder.needed(again, config, format);
      int[] done = new int[1];
      var stopped =
          CalibratedFolder.prepare(again, MACHINE, rows(model, 40), _ -> {})
              .write((layers, _, _) -> done[0] = layers, () -> done[0] == 2);
      assertThat(stopped).isNull();
      assertThat(cut).doesNotExist();
      long kept = 0; // which asks for no room again
      for (int i = 1; i <= 2; i++) {
        String layer = "model-0000%d-of-00004.safetensors".formatted(i);
        kept += Files.size(cut.resolveSibling(method + "-cut.partial").resolve(layer));
      }
      assertThat(CalibratedFolder.needed(again, config, format)).isEqualTo(needed - kept);
      assertThat(write(again).resumed()).isEqualTo(2);
      assertThat(files(cut)).isEqualTo(files(whole));
    }
  }

  @Test
  void otherSettingsBeginAnew() {
    Path model = FAMILIES.resolve("gemma3/model");
    QuantizeSettings first = settings(model, temp.resolve("o"), "method", "gptq", "group_size", 32);
    CalibratedFolder.prepare(first, MACHINE, rows(model, 40), _ -> {})
        .write((_, _, _) -> {}, () -> Files.exists(temp.resolve("o.partial/quantize.json")));
    var other = settings(model, temp.resolve("o"), "method", "gptq", "group_size", 16);
    assertThat(write(other).resumed()).isZero();
  }

  @Test
  void aForeignFolderInTheWayIsNotTouched() throws IOException {
    Path model = FAMILIES.resolve("mistral/model");
    Path mine = Files.createDirectories(temp.resolve("out.partial")).resolve("mine.txt");
    Files.writeString(mine, "mine");
    var settings = settings(model, temp.resolve("out"), "method", "gptq", "group_size", 32);
    assertThatThrownBy(() -> write(settings))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("out.partial is in the way");
    assertThat(mine).hasContent("mine");
  }

  static Map<String, String> files(Path folder) throws IOException {
    Map<String, String> all = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        byte[] bytes = Files.readAllBytes(file);
        all.put(file.getFileName().toString(), HexFormat.of().formatHex(bytes));
      }
    }
    return all;
  }

  /// An adapter of every linear layer.
  private Path adapter(Path model) throws IOException {
    ModelConfig config = ModelConfig.load(model);
    Random random = new Random(11);
    Path folder = temp.resolve("adapter");
    try (Scope scope = Scope.open("adapter")) {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (String path : config.projections()) {
        long[] shape = Objects.requireNonNull(config.tensors().get(path + ".weight"));
        Tensor a = scope.tensor(Dtype.F32, 2, shape[1]);
        Tensor b = scope.tensor(Dtype.F32, shape[0], 2);
        for (Tensor t : List.of(a, b)) {
          for (long i = 0; i < t.elements(); i++) {
            t.put(i, 0.3 * random.nextGaussian());
          }
        }
        tensors.put(PeftFiles.nameOfA(config.module(path)), a);
        tensors.put(PeftFiles.nameOfB(config.module(path)), b);
      }
      PeftFiles.save(folder, Lora.of(2, 2, Targets.parse("all-linear")), "base", tensors);
    }
    Identity.of(
            new Identity.Model(model, null, () -> BaseDigest.of(model, MACHINE.cache())), Map.of())
        .write(folder);
    return folder;
  }

  private Path merged(Path model, Path adapter, String name) {
    Path out = temp.resolve(name);
    MergeSettings settings =
        MergeSettings.of(model, adapter, out).with("any_base", true).withTolerance(1);
    Merged merged = Merging.prepare(settings, MACHINE, _ -> {}).run(() -> false);
    assertThat(Objects.requireNonNull(merged).accepted()).isTrue();
    return out;
  }

  @ParameterizedTest
  @CsvSource({"phi3", "granite-biased", "gemma2", "llama-yarn"})
  void anAdapterOfTheSourceMeetsAnAwqBase(String family) throws IOException {
    Path model = FAMILIES.resolve(family).resolve("model");
    Path adapter = adapter(model);
    Path awq = temp.resolve("awq");
    write(
        settings(
            model,
            awq,
            "method",
            "awq",
            "bits",
            8,
            "group_size",
            4,
            "format",
            "compressed-tensors"));
    Path wanted = merged(model, adapter, "wanted");
    Path carried = merged(awq, adapter, "carried");
    Files.delete(adapter.resolve("nudge.json")); // as it is, then
    Path naive = merged(awq, adapter, "naive");
    double right = ModelDifference.ofForms(wanted, carried, MACHINE, _ -> {}).kl();
    double wrong = ModelDifference.ofForms(wanted, naive, MACHINE, _ -> {}).kl();
    assertThat(right).isLessThan(5e-3);
    assertThat(wrong).isGreaterThan(20 * right);
  }
}
