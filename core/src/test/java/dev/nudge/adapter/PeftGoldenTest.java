package dev.nudge.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.nn.DenseLinear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// Adapters that PEFT 0.21.2 saved on tiny Llamas, made by `src/test/reference/peft_adapter.py`.
///
/// What is saved here stays in `target/peft`, where
/// `src/test/reference/peft_loads_folders.py` loads it with PEFT.
class PeftGoldenTest {
  private static final Path GOLDEN = Path.of("src/test/resources/golden");
  private static final Path SAVED = Path.of("target/peft");
  private static final JsonMapper JSON = new JsonMapper();

  static Stream<String> adapters() {
    return JSON.readTree(GOLDEN.resolve("peft/written.json").toFile())
        .path("cases")
        .propertyStream()
        .map(Map.Entry::getKey);
  }

  static Stream<String> refusals() {
    return JSON.readTree(GOLDEN.resolve("peft/refused/cases.json").toFile())
        .propertyStream()
        .map(Map.Entry::getKey)
        .filter(name -> !name.equals("target_parameters")); // experts have them
  }

  private static List<LayerShape> layers(String model) {
    List<LayerShape> layers = new ArrayList<>();
    try (SafeTensors weights = SafeTensors.open(GOLDEN.resolve("llama/" + model + "/model"))) {
      for (String name : weights.names()) {
        if (name.endsWith("_proj.weight")) {
          long[] shape = weights.entry(name).dims();
          String path = name.substring(0, name.length() - ".weight".length());
          layers.add(new LayerShape(path, (int) shape[1], (int) shape[0]));
        }
      }
    }
    return layers;
  }

  @ParameterizedTest
  @MethodSource("adapters")
  void whatPeftSavedSitsWherePeftPutsItAndIsSavedTheSame(String name) throws IOException {
    Path folder = GOLDEN.resolve("peft/" + name + "/adapter");
    JsonNode inputs = JSON.readTree(GOLDEN.resolve("peft/" + name + "/inputs.json").toFile());
    try (PeftAdapter adapter = PeftAdapter.open(folder);
        SafeTensors theirs = SafeTensors.open(folder.resolve(PeftFiles.WEIGHTS));
        Scope scope = Scope.open("test")) {
      List<LayerShape> on = adapter.fit(ModelShape.of(layers(inputs.path("model").stringValue())));
      assertThat(new TreeSet<>(on.stream().map(LayerShape::path).toList()))
          .containsExactlyElementsOf(
              inputs.path("modules").valueStream().map(JsonNode::stringValue).sorted().toList());

      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (LayerShape layer : on) {
        int r = adapter.spec().rank(layer.path());
        Tensor a = scope.tensor(Dtype.F32, r, layer.in());
        Tensor b = scope.tensor(Dtype.F32, layer.out(), r);
        adapter.linear(layer.path(), a, b);
        tensors.put(PeftFiles.nameOfA(layer.path()), a);
        tensors.put(PeftFiles.nameOfB(layer.path()), b);
        String more = PeftFiles.nameOfMore(adapter.spec().variant(), layer.path());
        if (more != null) {
          Tensor vector = scope.tensor(Dtype.F32, 1, layer.out());
          adapter.more(more, vector);
          tensors.put(more, vector.reshaped(layer.out()));
        }
      }
      Path again = SAVED.resolve(name);
      PeftFiles.save(again, adapter.spec(), inputs.path("model").stringValue(), tensors);
      sameTensors(theirs, tensors, again.resolve(PeftFiles.WEIGHTS), folder);
      sameConfig(folder.resolve(PeftConfig.FILE), again.resolve(PeftConfig.FILE));
    }
  }

  /// A new adapter, as `train` would save it.
  @Test
  void aNewAdapterIsSavedForPeftToLoad() {
    String model = "biased-sharded";
    try (Scope scope = Scope.open("test")) {
      List<LinearSlot> slots =
          layers(model).stream()
              .map(
                  layer ->
                      new LinearSlot(
                          layer.path(),
                          DenseLinear.of(scope.tensor(Dtype.F32, layer.out(), layer.in()), null)))
              .toList();
      Lora spec = Lora.of(3, 12, new Targets.AllLinear()).withRsLora(true);
      Modules modules = new Modules(slots, null, false, null, "", Map.of(), null);
      Adapters adapters = Adapters.attach(modules, spec, 0, Dtype.F32, 0, scope);
      adapters.parameters().forEach(p -> LoraInit.fill(p.master(), 1, p.name()));
      adapters.save(SAVED.resolve("new"), model);
      try (PeftAdapter back = PeftAdapter.open(SAVED.resolve("new"))) {
        assertThat(back.fit(ModelShape.of(layers(model)))).hasSameSizeAs(slots);
      }
    }
  }

  private static void sameTensors(
      SafeTensors theirs, Map<String, Tensor> ours, Path file, Path folder) throws IOException {
    boolean single = true;
    for (String name : theirs.names()) {
      Entry entry = theirs.entry(name);
      Tensor stored = theirs.tensor(name);
      Tensor read = Objects.requireNonNull(ours.get(name), name);
      for (long i = 0; i < entry.elements(); i++) {
        assertThat(read.at(i)).isEqualTo(stored.at(i));
      }
      single &= stored.dtype() == Dtype.F32;
    }
    if (single) {
      assertThat(Files.readAllBytes(file))
          .isEqualTo(Files.readAllBytes(folder.resolve(PeftFiles.WEIGHTS)));
    }
  }

  /// Every key we write has PEFT's value; PEFT's other keys are newer than 0.10 and say nothing.
  private static void sameConfig(Path theirs, Path ours) {
    JsonNode peft = JSON.readTree(theirs.toFile());
    JsonNode written = JSON.readTree(ours.toFile());
    List<String> keys =
        new ArrayList<>(
            JSON.readTree(GOLDEN.resolve("peft/written.json").toFile())
                .path("keys_of_peft_0_10")
                .valueStream()
                .map(JsonNode::stringValue)
                .toList());
    if (!peft.path("exclude_modules").isNull()) {
      keys.add("exclude_modules");
    }
    if (peft.path("lora_bias").asBoolean()) {
      keys.add("lora_bias");
    }
    assertThat(written.propertyNames()).containsExactlyElementsOf(keys.stream().sorted().toList());
    for (String key : keys) {
      JsonNode value = peft.path(key);
      if (key.equals("layers_to_transform") && value.isNumber()
          || key.equals("layers_pattern") && value.isString()) {
        // One layer or one name is written as a list of one.
        value = JSON.createArrayNode().add(value);
      }
      assertThat(written.path(key)).as(key).isEqualTo(value);
    }
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatPlainLoraCannotHonourIsRefusedByName(String name) {
    String key =
        JSON.readTree(GOLDEN.resolve("peft/refused/cases.json").toFile()).path(name).stringValue();
    Path config = GOLDEN.resolve("peft/refused/" + name + "/" + PeftConfig.FILE);
    assertThatThrownBy(() -> PeftConfig.read(config))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(config + ": " + key + " is ");
  }
}
