package dev.nudge.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.adapter.linalg.LoraInit;
import dev.nudge.adapter.targets.Extras;
import dev.nudge.adapter.targets.LayerShape;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.ModelShape;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.Entry;
import dev.nudge.format.Faults;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PeftFilesTest {
  private static final String Q = "model.layers.%d.self_attn.q_proj";
  private static final String UP = "model.layers.%d.mlp.up_proj";

  @TempDir Path temp;

  /// A model of `layers` layers: q_proj 8 → 6, up_proj 8 → 12.
  private static List<LayerShape> model(int layers) {
    return Stream.iterate(0, i -> i + 1)
        .limit(layers)
        .flatMap(
            i ->
                Stream.of(
                    new LayerShape(Q.formatted(i), 8, 6), new LayerShape(UP.formatted(i), 8, 12)))
        .toList();
  }

  private static Map<String, Tensor> tensors(Lora spec, List<LayerShape> layers, Scope scope) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (LayerShape layer : layers) {
      int r = spec.rank(layer.path());
      Tensor a = scope.tensor(Dtype.F32, r, layer.in());
      Tensor b = scope.tensor(Dtype.F32, layer.out(), r);
      LoraInit.fill(a, 1, layer.path());
      LoraInit.fill(b, 2, layer.path());
      tensors.put(PeftFiles.nameOfA(layer.path()), a);
      tensors.put(PeftFiles.nameOfB(layer.path()), b);
    }
    return tensors;
  }

  /// Saves an adapter on all layers of a model, its tensors changed by `edit`.
  private Path saved(Lora spec, List<LayerShape> layers, Consumer<Map<String, Tensor>> edit) {
    Path folder = temp.resolve("adapter");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = tensors(spec, layers, scope);
      edit.accept(tensors);
      PeftFiles.save(folder, spec, "base", tensors);
    }
    return folder;
  }

  private static Lora spec() {
    return Lora.of(2, 4, Targets.parse("q_proj,up_proj"));
  }

  private static List<LayerShape> fit(Path folder, List<LayerShape> model) {
    try (PeftAdapter adapter = PeftAdapter.open(folder)) {
      return adapter.fit(ModelShape.of(model));
    }
  }

  private static void refused(Path folder, List<LayerShape> model, String message) {
    assertThatThrownBy(() -> fit(folder, model))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
  }

  private void misfit(Path folder, List<LayerShape> model, String message) {
    refused(folder, model, "adapter " + folder + ": " + message);
  }

  @Test
  void whatIsSavedIsReadBack() throws IOException {
    Lora spec =
        new Lora(
            2,
            4,
            true,
            0.1,
            Targets.parse("q_proj,up_proj"),
            Map.of("1.mlp.up_proj", 3),
            Map.of(),
            null,
            null,
            Extras.NONE,
            Lora.Variant.PLAIN);
    Path folder = saved(spec, model(2), t -> {});
    assertThat(names(folder)).containsExactly("adapter_config.json", "adapter_model.safetensors");
    try (PeftAdapter adapter = PeftAdapter.open(folder);
        Scope scope = Scope.open("test")) {
      assertThat(adapter.spec()).isEqualTo(spec);
      assertThat(adapter.fit(ModelShape.of(model(2)))).isEqualTo(model(2));
      String path = UP.formatted(1);
      Tensor a = scope.tensor(Dtype.F32, 3, 8);
      Tensor b = scope.tensor(Dtype.F32, 12, 3);
      adapter.linear(path, a, b);
      Tensor expected = scope.tensor(Dtype.F32, 12, 3);
      LoraInit.fill(expected, 2, path);
      assertThat(b.data().mismatch(expected.data())).isEqualTo(-1);
    }
  }

  @Test
  void doublesAreSavedAsSingles() {
    String path = Q.formatted(0);
    Path folder = temp.resolve("adapter");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = tensors(spec(), model(1), scope);
      Tensor wide = scope.tensor(Dtype.F64, 2, 8);
      LoraInit.fill(wide, 7, path);
      tensors.put(PeftFiles.nameOfA(path), wide);
      PeftFiles.save(folder, spec(), "base", tensors);
      try (PeftAdapter adapter = PeftAdapter.open(folder)) {
        assertThat(adapter.fit(ModelShape.of(model(1)))).isEqualTo(model(1));
        Tensor back = scope.tensor(Dtype.F32, 2, 8);
        adapter.linear(path, back, scope.tensor(Dtype.F32, 6, 2));
        for (long i = 0; i < wide.elements(); i++) {
          assertThat((float) back.at(i)).isEqualTo((float) wide.at(i));
        }
      }
    }
  }

  @Test
  void aTensorThatLandsNowhereIsRefused() {
    Path folder =
        saved(
            spec(),
            model(1),
            t -> t.put("base_model.model.model.layers.0.mlp.up_porj.lora_A.weight", first(t)));
    misfit(
        folder,
        model(1),
        "tensor base_model.model.model.layers.0.mlp.up_porj.lora_A.weight lands nowhere; did you"
            + " mean base_model.model.model.layers.0.mlp.up_proj.lora_A.weight,"
            + " base_model.model.model.layers.0.mlp.up_proj.lora_B.weight or"
            + " base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight?");
  }

  @Test
  void aTensorOfALayerThatIsNotSelectedIsRefused() {
    Path folder = saved(spec().withTargets(Targets.parse("up_proj")), model(1), t -> {});
    misfit(
        folder,
        model(1),
        "tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight lands nowhere:"
            + " target_modules up_proj do not select its layer (and 1 more like it)");
  }

  @Test
  void aMissingTensorIsRefused() {
    Path folder = saved(spec(), model(1), t -> t.remove(PeftFiles.nameOfB(UP.formatted(0))));
    misfit(
        folder,
        model(1),
        "tensor base_model.model.model.layers.0.mlp.up_proj.lora_B.weight is missing, though"
            + " target_modules q_proj,up_proj select its layer");
    misfit(
        saved(spec(), model(1), t -> {}),
        model(3),
        "tensor base_model.model.model.layers.1.mlp.up_proj.lora_A.weight is missing, though"
            + " target_modules q_proj,up_proj select its layer (and 7 more like it)");
  }

  @Test
  void anAdapterOfAnotherModelSaysWhatDiffers() {
    Path folder = saved(spec(), model(3), t -> {});
    misfit(
        folder,
        model(1),
        "it is of another model: it has weights for layers 0 to 2, this model has layer 0");
    misfit(
        folder,
        model(3).stream().map(l -> new LayerShape(l.path(), 16, l.out())).toList(),
        "it is of another model: base_model.model.model.layers.0.mlp.up_proj.lora_A.weight has 8"
            + " inputs, this model's model.layers.0.mlp.up_proj has 16");
    misfit(
        folder,
        model(3).stream().map(l -> new LayerShape(l.path(), l.in(), 6)).toList(),
        "it is of another model: base_model.model.model.layers.0.mlp.up_proj.lora_B.weight has 12"
            + " outputs, this model's model.layers.0.mlp.up_proj has 6");
    misfit(
        folder,
        model(3).stream()
            .map(l -> new LayerShape(l.path().replace("q_", "c_"), l.in(), l.out()))
            .toList(),
        "target 'q_proj' matches no linear layer of the model; did you mean c_proj or up_proj?");
  }

  @Test
  void aRankThatTheTensorsDoNotHaveIsRefused() throws IOException {
    Path folder = saved(spec(), model(1), t -> {});
    Files.writeString(
        folder.resolve(PeftConfig.FILE),
        PeftConfig.write(new LoraKind(Lora.of(3, 4, spec().targets())), "base"));
    misfit(
        folder,
        model(1),
        "the rank of model.layers.0.self_attn.q_proj is 3 in adapter_config.json, but lora_A has 2"
            + " rows and lora_B 2 columns");
  }

  @Test
  void otherTypesAndShapesAreRefused() {
    Path folder = saved(spec(), model(1), t -> {});
    String name = PeftFiles.nameOfA(Q.formatted(0));
    rewrite(folder, name, Dtype.F64, 2, 8);
    misfit(folder, model(1), "tensor " + name + " is F64; F32, F16 and BF16 are read");
    rewrite(folder, name, Dtype.F32, 2, 8, 1);
    misfit(folder, model(1), "tensor " + name + " has shape [2, 8, 1]; it needs two dimensions");
    rewrite(folder, name, Dtype.BF16, 2, 8);
    assertThat(fit(folder, model(1))).isEqualTo(model(1));
  }

  /// Writes the adapter on `model(1)` again with one tensor of another type or shape.
  private static void rewrite(Path folder, String name, Dtype dtype, long... shape) {
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = tensors(spec(), model(1), scope);
      tensors.put(name, scope.tensor(dtype, shape));
      List<Entry> entries =
          tensors.entrySet().stream()
              .map(e -> Entry.of(e.getKey(), e.getValue().dtype(), e.getValue().shape()))
              .toList();
      try (SafeTensorsWriter writer =
          SafeTensorsWriter.create(
              folder.resolve(PeftFiles.WEIGHTS), Map.of("format", "pt"), entries)) {
        tensors.forEach(writer::write);
      }
    }
  }

  @Test
  void aFolderThatIsNoAdapterSaysWhatItIs() throws IOException {
    Path none = temp.resolve("none");
    refused(
        none,
        model(1),
        none
            + " does not exist; an adapter is the folder of a run, or one with adapter_config.json"
            + " and adapter_model.safetensors as PEFT saves it");
    Path run = Files.createDirectory(temp.resolve("run"));
    refused(run, model(1), run + " is not an adapter: it has no adapter_config.json");
    Path inside = Files.createDirectory(run.resolve("last"));
    Files.writeString(
        inside.resolve(PeftConfig.FILE), PeftConfig.write(new LoraKind(spec()), "base"));
    refused(
        run,
        model(1),
        run + " is not an adapter: it has no adapter_config.json; did you mean " + inside + "?");
    refused(inside, model(1), inside + " is not an adapter: it has no adapter_model.safetensors");
    Files.writeString(inside.resolve("adapter_model.bin"), "pickle");
    refused(
        inside,
        model(1),
        inside
            + " has its weights only in adapter_model.bin, a pickle that can run code; load it with"
            + " PEFT and save it with safe_serialization=True to get adapter_model.safetensors");
    Files.writeString(run.resolve("config.json"), "{}");
    refused(
        run,
        model(1),
        run
            + " is not an adapter: it has no adapter_config.json; it is a model folder, which goes"
            + " to --model");
  }

  @Test
  void aSaveThatFailsLeavesTheFolderAsItWas() throws IOException {
    Path folder = saved(spec(), model(1), t -> {});
    byte[] weights = Files.readAllBytes(folder.resolve(PeftFiles.WEIGHTS));
    String config = Files.readString(folder.resolve(PeftConfig.FILE));
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = tensors(spec(), model(2), scope);
      for (int n = 1; n <= 6; n++) { // making the folder, the weights, their rename, the config
        Throwable failure =
            Faults.failure(
                n, () -> PeftFiles.save(folder, Lora.of(2, 9, spec().targets()), "b", tensors));
        assertThat(failure)
            .isInstanceOf(RunException.class)
            .hasMessageStartingWith("cannot write " + folder)
            .message()
            .doesNotContain("\n");
        assertThat(names(folder))
            .containsExactly("adapter_config.json", "adapter_model.safetensors");
        assertThat(Files.readAllBytes(folder.resolve(PeftFiles.WEIGHTS))).isEqualTo(weights);
        assertThat(Files.readString(folder.resolve(PeftConfig.FILE))).isEqualTo(config);
      }

      Path inTheWay = Files.writeString(temp.resolve("file"), "");
      assertThatThrownBy(() -> PeftFiles.save(inTheWay, spec(), "b", tensors))
          .isInstanceOf(RunException.class)
          .hasMessage(
              "cannot write "
                  + inTheWay
                  + ": a file is in the way of the folder; give another folder");
    }
  }

  @Test
  void aFailureLeavesNothingBehind() throws IOException {
    Path folder = temp.resolve("a/out");
    try (Scope scope = Scope.open("test")) {
      Map<String, Tensor> tensors = tensors(spec(), model(1), scope);
      for (int n = 1; n <= 6; n++) {
        assertThat(Faults.failure(n, () -> PeftFiles.save(folder, spec(), "b", tensors)))
            .isInstanceOf(RunException.class);
        assertThat(names(temp)).isEmpty();
      }
    }
  }

  private static Tensor first(Map<String, Tensor> tensors) {
    return tensors.values().iterator().next();
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }
}
