package dev.nudge.merge;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.nudge.Backends;
import dev.nudge.adapter.PeftAdapter;
import dev.nudge.adapter.targets.Lora;
import dev.nudge.adapter.targets.Targets;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.StoredType;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.kernel.Kernels;
import dev.nudge.machine.Backend;
import dev.nudge.machine.Machine;
import dev.nudge.model.CausalLm;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.QuantizedFolder;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.nn.LinearSlot;
import dev.nudge.quant.Nf4Format;
import dev.nudge.quant.Nf4Weight;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.Compute;
import dev.nudge.settings.verb.MergeSettings;
import dev.nudge.settings.verb.QuantizeSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Gemm;
import dev.nudge.tensor.Ledger;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.tensor.Workspace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Merges into bases of every stored type and layout, and holds each weight against W + s·B·A in
/// double.
class MergingTest {
  static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");

  @TempDir private Path temp;

  static MergeSettings settings(Path model, List<Path> adapters, Path out, Object... more) {
    Map<String, Object> values = new HashMap<>();
    values.put("model", model);
    values.put("adapter", adapters.stream().map(Path::toString).toList());
    values.put("out", out);
    for (int i = 0; i < more.length; i += 2) {
      values.put((String) more[i], more[i + 1]);
    }
    return MergeSettings.of(values);
  }

  static @Nullable Merged run(MergeSettings settings) {
    return Merging.prepare(settings, MACHINE, warning -> {}).run(() -> false);
  }

  /// The adapter's template stands wherever transformers puts one, and others stay beside it.
  @ParameterizedTest
  @ValueSource(strings = {"base", "nf4"})
  void theTemplateThatAnAdapterWasTrainedWithIsTheMergedModels(String store) throws IOException {
    Path golden = Path.of("src/test/resources/golden");
    Path model = copied(golden.resolve("llama/grouped-tied/model"), temp.resolve("model"));
    Files.createDirectories(model.resolve("additional_chat_templates"));
    Files.writeString(model.resolve("additional_chat_templates/rag.jinja"), "rag");
    Files.writeString(model.resolve("additional_chat_templates/tool_use.jinja"), "the model's");
    Files.createDirectories(model.resolve("chat_templates"));
    Files.writeString(model.resolve("chat_templates/old.jinja"), "old");
    Path adapter = copied(golden.resolve("peft/all-linear/adapter"), temp.resolve("adapter"));
    Files.writeString(adapter.resolve("tokenizer_config.json"), "{\"chat_template\": \"its own\"}");
    Path out = temp.resolve("merged");
    run(settings(model, List.of(adapter), out, "store", store, "tolerance", 9.0));
    assertThat(out.resolve("chat_template.jinja")).hasContent("its own");
    assertThat(out.resolve("additional_chat_templates/rag.jinja")).hasContent("rag");
    assertThat(out.resolve("chat_templates/old.jinja")).hasContent("old");
    assertThat(out.resolve("additional_chat_templates/tool_use.jinja")).doesNotExist();
  }

  private static Path copied(Path from, Path to) throws IOException {
    Files.createDirectories(to);
    try (Stream<Path> files = Files.list(from)) {
      for (Path file : files.toList()) {
        Files.copy(file, to.resolve(file.getFileName()));
      }
    }
    return to;
  }

  private static Lora lora(boolean rsLora, String targets) {
    return Lora.of(3, 5, Targets.parse(targets)).withRsLora(rsLora);
  }

  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(f -> !f.equals(folder))
          .map(f -> folder.relativize(f).toString())
          .sorted()
          .toList();
    }
  }

  /// W of a layer in double: as it is stored, or what NF4 makes of it.
  private static double[] base(Tensor stored, @Nullable Boolean doubleQuant) {
    double[] w = new double[(int) stored.elements()];
    try (Scope scope = Scope.open("expected");
        Workspace ws = new Workspace(0, 1 << 20, Gemm.plain())) {
      Tensor t = stored;
      if (doubleQuant != null) {
        t = scope.tensor(Dtype.F32, stored.shape());
        Nf4Weight.quantize(stored, doubleQuant, scope, Kernels.plain())
            .make(0, t.rows(), t, ws, Kernels.plain());
      }
      for (int i = 0; i < w.length; i++) {
        w[i] = t.at(i);
      }
    }
    return w;
  }

  /// Adds s·B·A, and the sizes of what is added to `size`.
  private static void add(double[] w, double[] size, Path adapter, String path, double scale) {
    try (PeftAdapter peft = PeftAdapter.open(adapter);
        SafeTensors tensors = SafeTensors.open(adapter.resolve("adapter_model.safetensors"))) {
      Tensor a = tensors.tensor("base_model.model." + path + ".lora_A.weight");
      Tensor b = tensors.tensor("base_model.model." + path + ".lora_B.weight");
      double s = scale * peft.spec().scaling(path);
      for (int r = 0; r < b.rows(); r++) {
        for (int c = 0; c < a.cols(); c++) {
          for (int k = 0; k < a.rows(); k++) {
            double part = s * b.get(r, k) * a.get(k, c);
            w[r * a.cols() + c] += part;
            size[r * a.cols() + c] += Math.abs(part);
          }
        }
      }
    }
  }

  /// Half the distance between neighbours of the stored type at a number, and what sums in fp32 of
  /// parts of this size may be off: few roundings of 2⁻²⁴ each.
  private static double bound(double value, double size, Dtype type) {
    int bits =
        switch (type) {
          case BF16 -> 7;
          case F16 -> 10;
          case F32 -> 23;
          default -> 52;
        };
    double spacing = Math.scalb(1.0, Math.max(Math.getExponent(value), -14) - bits);
    return spacing / 2 + 8 * 0x1p-24 * size;
  }

  private static double[] sizes(double[] w) {
    double[] size = new double[w.length];
    for (int i = 0; i < w.length; i++) {
      size[i] = Math.abs(w[i]);
    }
    return size;
  }

  /// Holds a written weight against numbers in double.
  private static void compare(String name, Tensor is, double[] w, double[] size) {
    int exact = 0;
    try (Scope scope = Scope.open("expected")) {
      Tensor rounded = scope.tensor(is.dtype(), is.shape());
      for (int i = 0; i < w.length; i++) {
        rounded.put(i, w[i]);
        exact += rounded.at(i) == is.at(i) ? 1 : 0;
        assertThat(Math.abs(is.at(i) - w[i]))
            .as("%s[%d]: %s, expected %s", name, i, is.at(i), w[i])
            .isLessThanOrEqualTo(bound(w[i], size[i], is.dtype()));
      }
    }
    if (is.dtype().bytes() == 2) { // rounded once, so nearly all are the nearest
      assertThat(exact).as(name).isGreaterThan(w.length - 3 - w.length / 100);
    }
  }

  /// Merged linear weights are W + Σ s·B·A; all else is the base's bytes.
  private static void compare(
      Path model,
      Path out,
      List<Path> adapters,
      List<Double> scales,
      @Nullable Boolean doubleQuant) {
    ModelConfig config = ModelConfig.load(model);
    try (SafeTensors before = SafeTensors.open(model);
        SafeTensors after = SafeTensors.open(out)) {
      assertThat(after.names()).isEqualTo(before.names());
      for (String name : before.names()) {
        assertThat(after.entry(name)).isEqualTo(before.entry(name));
        assertThat(after.file(name).getFileName()).isEqualTo(before.file(name).getFileName());
        String path = name.replaceAll("\\.weight$", "");
        Tensor is = after.tensor(name);
        if (!config.projections().contains(path) || !name.endsWith(".weight")) {
          assertThat(after.bytes(name).mismatch(before.bytes(name))).as(name).isEqualTo(-1);
          continue;
        }
        double[] w = base(before.tensor(name), doubleQuant);
        double[] size = sizes(w);
        for (int i = 0; i < adapters.size(); i++) {
          if (sits(adapters.get(i), config, path)) {
            add(w, size, adapters.get(i), path, scales.get(i));
          }
        }
        compare(name, is, w, size);
      }
    }
  }

  private static boolean sits(Path adapter, ModelConfig config, String path) {
    try (PeftAdapter peft = PeftAdapter.open(adapter)) {
      return peft.spec().select(config.projections(), List.of()).contains(path);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "F32,  1, none,   true,  false",
    "BF16, 1, none,   false, true",
    "F16,  1, none,   false, false",
    "BF16, 3, none,   true,  false",
    "F32,  3, single, false, false",
    "BF16, 1, double, true,  true",
    "F16,  2, double, false, false",
    "F64,  1, none,   false, false",
  })
  void everyWeightIsBasePlusUpdateRoundedOnce(
      Dtype dtype, int shards, String quantised, boolean rsLora, boolean tied) throws IOException {
    Path model = Bases.write(temp.resolve("model"), dtype, shards, tied);
    Path adapter =
        Bases.adapter(temp.resolve("adapter"), model, lora(rsLora, "q_proj,o_proj,mlp.up_proj"), 3);
    Path out = temp.resolve("out");
    List<Object> more = new ArrayList<>(List.of("tolerance", 1.0));
    if (!quantised.equals("none")) {
      more.addAll(List.of("quantize", "nf4", "double_quant", quantised.equals("double")));
    }
    Merged merged = run(settings(model, List.of(adapter), out, more.toArray()));
    assertThat(requireNonNull(merged).layers()).isEqualTo(quantised.equals("none") ? 9 : 21);
    Boolean doubleQuant = quantised.equals("none") ? null : (Boolean) quantised.equals("double");
    compare(model, out, List.of(adapter), List.of(1.0), doubleQuant);
    for (String file : List.of("config.json", "tokenizer.json", "model.safetensors.index.json")) {
      if (Files.exists(model.resolve(file))) {
        assertThat(Files.mismatch(out.resolve(file), model.resolve(file))).as(file).isEqualTo(-1);
      }
    }
    assertThat(Ledger.bytes()).isZero();
  }

  @Test
  void severalAdaptersWithTheirScalesAreAddedUp() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    List<Path> adapters =
        List.of(
            Bases.adapter(temp.resolve("a"), model, lora(false, "all-linear"), 1),
            Bases.adapter(temp.resolve("b"), model, lora(true, "q_proj,down_proj"), 2),
            Bases.adapter(temp.resolve("c"), model, lora(false, "q_proj"), 3));
    Path out = temp.resolve("out");
    run(settings(model, adapters, out, "scale", List.of("0.5", "-1.25", "0")));
    compare(model, out, adapters, List.of(0.5, -1.25, 0.0), null);
  }

  @Test
  void theAdapterSaysWhatItWasTrainedOn() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.BF16, 1, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "q_proj"), 3);
    Identity.of(
            new Identity.Model(
                model, new Nf4Format(false), () -> BaseDigest.of(model, Backends.cache())),
            Map.of())
        .write(adapter);
    List<String> warnings = new ArrayList<>();
    Path out = temp.resolve("out");
    MergeSettings plain = settings(model, List.of(adapter), out, "tolerance", 1.0);
    Merging.prepare(plain, MACHINE, warnings::add).run(() -> false);
    assertThat(warnings).isEmpty();
    compare(model, out, List.of(adapter), List.of(1.0), false);

    Path flag = temp.resolve("flag");
    Merging.prepare(
            settings(model, List.of(adapter), flag, "tolerance", 1.0, "quantize", "none"),
            MACHINE,
            warnings::add)
        .run(() -> false);
    assertThat(warnings)
        .containsExactly(
            "--quantize is ignored: adapter "
                + adapter
                + " was trained on weights in nf4 alone; --into original takes the model's own"
                + " weights");
    compare(model, flag, List.of(adapter), List.of(1.0), false);

    Path original = temp.resolve("original");
    run(settings(model, List.of(adapter), original, "into", "original"));
    compare(model, original, List.of(adapter), List.of(1.0), null);

    Path other = Bases.write(temp.resolve("other"), Dtype.F16, 1, false);
    assertThatThrownBy(() -> run(settings(other, List.of(adapter), temp.resolve("x"))))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("was trained on another base");
  }

  /// What is written from the original weights is compared with the original weights + adapter,
  /// though the adapter was trained on others: the reference is that of an adapter which says
  /// nothing, and not that of the weights it was trained on.
  @Test
  void intoOriginalIsHeldAgainstOriginalPlusAdapter() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    Path silent = Bases.adapter(temp.resolve("silent"), model, lora(false, "all-linear"), 1);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "all-linear"), 1);
    Identity.of(
            new Identity.Model(
                model, new Nf4Format(true), () -> BaseDigest.of(model, Backends.cache())),
            Map.of())
        .write(adapter);
    ModelDifference plain = merged(model, silent, "plain").difference();
    ModelDifference original = merged(model, adapter, "o", "into", "original").difference();
    ModelDifference trained = merged(model, adapter, "t").difference();
    assertThat(
            Files.mismatch(
                temp.resolve("o/model.safetensors"), temp.resolve("plain/model.safetensors")))
        .isEqualTo(-1);
    assertThat(original).isEqualTo(plain);
    assertThat(original.kl()).isBetween(-1e-12, 1e-9);
    assertThat(trained.kl()).isBetween(-1e-12, 1e-9);
    assertThat(Math.abs(trained.perplexity() / original.perplexity() - 1)).isGreaterThan(1e-3);
  }

  private Merged merged(Path model, Path adapter, String out, Object... more) {
    return requireNonNull(run(settings(model, List.of(adapter), temp.resolve(out), more)));
  }

  @Test
  void theDifferenceOfAnExactMergeIsRoundingOnly() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.F32, 1, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "all-linear"), 1);
    ModelDifference d =
        requireNonNull(run(settings(model, List.of(adapter), temp.resolve("out")))).difference();
    assertThat(d.tokens()).isEqualTo(9 * 64); // cut to the model's positions
    assertThat(d.kl()).isBetween(-1e-12, 1e-9);
    assertThat(d.maxLogitDifference()).isBetween(1e-9, 1e-3);
    assertThat(d.meanLogitDifference()).isBetween(1e-10, d.maxLogitDifference());
    assertThat(d.mergedPerplexity() / d.perplexity()).isBetween(0.9999, 1.0001);
  }

  @Test
  void beyondTheToleranceNothingIsLeft() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.BF16, 1, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "all-linear"), 1);
    List<String> before = names(temp);
    Merged merged =
        requireNonNull(
            run(settings(model, List.of(adapter), temp.resolve("a/b/out"), "tolerance", 0.0)));
    assertThat(merged.accepted()).isFalse();
    assertThat(merged.difference().kl()).isGreaterThan(1e-9);
    assertThat(names(temp)).isEqualTo(before);
  }

  @Test
  void whereverItIsStoppedNothingIsLeft() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.BF16, 2, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "all-linear"), 1);
    List<String> before = names(temp);
    MergeSettings settings =
        settings(model, List.of(adapter), temp.resolve("out"), "store", "nf4", "tolerance", 9.0);
    int asked = 0;
    for (boolean done = false; !done; asked += 3) {
      int[] left = {asked};
      Merged merged =
          Merging.prepare(settings, MACHINE, warning -> {})
              .run(
                  () -> {
                    synchronized (left) {
                      return left[0]-- <= 0;
                    }
                  });
      done = merged != null;
      if (!done) {
        assertThat(names(temp)).isEqualTo(before);
        assertThat(Ledger.bytes()).isZero();
      }
    }
    assertThat(asked).isGreaterThan(40); // copies, layers, two passes of quantising, both models
    assertThat(temp.resolve("out/config.json")).exists();
  }

  @Test
  void overwritingRemovesWhatWasMergedThereAndNothingElse() throws IOException {
    Path sharded = Bases.write(temp.resolve("sharded"), Dtype.BF16, 3, false);
    Path single = Bases.write(temp.resolve("single"), Dtype.BF16, 1, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), single, lora(false, "q_proj"), 1);
    Path out = temp.resolve("out");
    run(settings(sharded, List.of(adapter), out));
    Files.writeString(out.resolve("notes.txt"), "mine");
    assertThatThrownBy(() -> run(settings(single, List.of(adapter), out)))
        .isInstanceOf(InputException.class)
        .hasMessage("--out " + out + " holds a merged model; give another folder, or --overwrite");
    run(settings(single, List.of(adapter), out, "overwrite", true));
    assertThat(names(out))
        .containsExactly(
            "config.json",
            "model.safetensors",
            "notes.txt",
            "nudge.json",
            "tokenizer.json",
            "tokenizer_config.json");
    compare(single, out, List.of(adapter), List.of(1.0), null);
    assertThat(temp.resolve(".out.new")).doesNotExist();
  }

  @Test
  void aModelOrAnAdapterIsNeverWrittenOver() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.BF16, 1, false);
    Path other = Bases.write(temp.resolve("other"), Dtype.BF16, 1, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "q_proj"), 1);
    Map<Path, String> refused =
        Map.of(
            model, "is the --model folder; give another folder",
            other, "holds a model that nudge did not merge; give another folder",
            adapter, "holds an adapter; give another folder");
    refused.forEach(
        (out, why) ->
            assertThatThrownBy(() -> run(settings(model, List.of(adapter), out, "overwrite", true)))
                .isInstanceOf(InputException.class)
                .hasMessage("--out " + out + " " + why));
  }

  @Test
  void requantisingGivesTheBytesOfQuantisingTheMergedFolder() throws IOException {
    Path model = Bases.write(temp.resolve("model"), Dtype.BF16, 3, false);
    Path adapter = Bases.adapter(temp.resolve("adapter"), model, lora(false, "all-linear"), 1);
    Merged dense = run(settings(model, List.of(adapter), temp.resolve("dense")));
    Merged nf4 =
        run(
            settings(
                model, List.of(adapter), temp.resolve("nf4"), "store", "nf4", "tolerance", 9.0));
    QuantizedFolder.prepare(
            QuantizeSettings.of(
                Map.of("model", temp.resolve("dense"), "out", temp.resolve("quantised"))))
        .write(Kernels.fastest(), () -> false);
    for (String file : List.of("model.safetensors", "config.json")) {
      assertThat(Files.mismatch(temp.resolve("nf4/" + file), temp.resolve("quantised/" + file)))
          .isEqualTo(-1);
    }
    assertThat(names(temp.resolve("nf4")))
        .containsExactly(
            "config.json",
            "model.safetensors",
            "nudge.json",
            "tokenizer.json",
            "tokenizer_config.json");
    assertThat(requireNonNull(nf4).difference().kl())
        .isGreaterThan(100 * requireNonNull(dense).difference().kl());
  }

  /// Experts one by one, whose rows cut blocks.
  @Test
  void requantisingAMixtureGivesTheBytesOfQuantisingTheMergedFolder() throws IOException {
    Path golden = Path.of("src/test/resources/golden/nf4-widths/mixture");
    Path dense = temp.resolve("dense");
    Path nf4 = temp.resolve("nf4");
    List<Path> adapters = List.of(golden.resolve("train/init"));
    run(settings(golden.resolve("model"), adapters, dense));
    run(settings(golden.resolve("model"), adapters, nf4, "store", "nf4", "tolerance", 9.0));
    Path quantised = temp.resolve("quantised");
    QuantizedFolder.prepare(QuantizeSettings.of(Map.of("model", dense, "out", quantised)))
        .write(Kernels.fastest(), () -> false);
    assertThat(
            Files.mismatch(
                nf4.resolve("model.safetensors"), quantised.resolve("model.safetensors")))
        .isEqualTo(-1);
    assertThat(
            Files.mismatch(
                nf4.resolve("model.safetensors"), golden.resolve("nf4/model/model.safetensors")))
        .as("the adapter changes the bytes")
        .isNotEqualTo(-1);
  }

  /// What bitsandbytes stored is written dense, in the type that it had before.
  @ParameterizedTest
  @CsvSource({
    "bnb/double, bnb/source, BF16",
    "bnb/plain, bnb/source, F32",
    "nf4-widths/dense/nf4/model, nf4-widths/dense/model, BF16", // rows cut blocks
  })
  void aBaseInNf4BecomesDense(String stored, String source, StoredType type) throws IOException {
    Path golden = Path.of("src/test/resources/golden");
    Path model = copied(golden.resolve(stored), temp.resolve("model"));
    Path adapter =
        Bases.adapter(
            temp.resolve("adapter"), golden.resolve(source), lora(false, "all-linear"), 1);
    Path out = temp.resolve("out");
    assertThatThrownBy(() -> run(settings(model, List.of(adapter), out, "into", "original")))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith("--into original: the weights in " + model + " are stored in nf4;");
    run(settings(model, List.of(adapter), out, "tolerance", 1.0));
    assertThat(Files.readString(out.resolve("config.json"))).doesNotContain("quantization_config");
    ModelConfig config = ModelConfig.load(model);
    Backend backend = Backends.of(Compute.FP32);
    try (SafeTensors before = SafeTensors.open(model);
        SafeTensors after = SafeTensors.open(out);
        CausalLm whole = Checkpoint.load(model, config, backend);
        Workspace ws = new Workspace(0, 8 << 20, Gemm.plain())) {
      assertThat(after.names()).isEqualTo(config.tensors().keySet());
      for (LinearSlot slot : whole.slots()) {
        String name = slot.path() + ".weight";
        Tensor weight = slot.linear().weight(ws, backend.kernels());
        double[] w = new double[(int) weight.elements()];
        for (int i = 0; i < w.length; i++) {
          w[i] = weight.at(i);
        }
        double[] size = sizes(w);
        add(w, size, adapter, slot.path(), 1);
        assertThat(after.entry(name).type()).isEqualTo(type);
        compare(name, after.tensor(name), w, size);
      }
      String head = "lm_head.weight";
      assertThat(after.bytes(head).mismatch(before.bytes(head))).isEqualTo(-1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "all-linear, grouped-tied",
    "rslora, biased-sharded",
    "patterns-rslora, grouped-tied",
    "regex, multi-query-bf16",
    "bf16-stored, multi-query-bf16",
    "f16-stored, minimal-f16",
    "two, grouped-tied",
  })
  void weightsAreThoseOfPeft(String name, String model) {
    Path golden = Path.of("src/test/resources/golden");
    List<Path> adapters =
        (name.equals("two") ? Stream.of("all-linear", "patterns-rslora") : Stream.of(name))
            .map(n -> golden.resolve("peft/" + n + "/adapter"))
            .toList();
    Path base = golden.resolve("llama/" + model + "/model");
    Path out = temp.resolve("out");
    Merged merged = requireNonNull(run(settings(base, adapters, out, "tolerance", 1.0)));
    try (SafeTensors is = SafeTensors.open(out);
        SafeTensors peft = SafeTensors.open(golden.resolve("merge/" + name + ".safetensors"))) {
      assertThat(merged.layers()).isEqualTo(peft.names().size());
      for (String weight : peft.names()) {
        Tensor ours = is.tensor(weight);
        Tensor theirs = peft.tensor(weight);
        assertThat(ours.dtype()).isEqualTo(theirs.dtype());
        double largest = 0;
        for (long i = 0; i < theirs.elements(); i++) {
          largest = Math.max(largest, Math.abs(theirs.at(i)));
        }
        for (long i = 0; i < ours.elements(); i++) { // both are rounded: twice the bound of one
          assertThat(Math.abs(ours.at(i) - theirs.at(i)))
              .as("%s[%d]: %s, PEFT has %s", weight, i, ours.at(i), theirs.at(i))
              .isLessThanOrEqualTo(2 * bound(theirs.at(i), largest, theirs.dtype()));
        }
      }
    }
  }

  @Test
  void theNumbersAreThoseOfTwoKnownDistributions() {
    Random random = new Random(1);
    double[][] z = new double[2][37];
    for (double[] row : z) {
      for (int v = 0; v < row.length; v++) {
        row[v] = random.nextGaussian();
      }
    }
    ModelDifference d = ModelDifference.of(z[0], z[1], 5);
    double[] p = softmax(z[0]);
    double[] q = softmax(z[1]);
    double kl = 0;
    double max = 0;
    double mean = 0;
    for (int v = 0; v < p.length; v++) {
      kl += p[v] * Math.log(p[v] / q[v]);
      max = Math.max(max, Math.abs(z[0][v] - z[1][v]));
      mean += Math.abs(z[0][v] - z[1][v]) / p.length;
    }
    assertThat(d.kl()).isCloseTo(kl, offset(1e-12));
    assertThat(d.maxLogitDifference()).isEqualTo(max);
    assertThat(d.meanLogitDifference()).isCloseTo(mean, offset(1e-12));
    assertThat(d.perplexity()).isCloseTo(1 / p[5], offset(1e-9));
    assertThat(d.mergedPerplexity()).isCloseTo(1 / q[5], offset(1e-9));
  }

  private static double[] softmax(double[] z) {
    double sum = 0;
    double[] p = new double[z.length];
    for (int v = 0; v < z.length; v++) {
      sum += Math.exp(z[v]);
    }
    for (int v = 0; v < z.length; v++) {
      p[v] = Math.exp(z[v]) / sum;
    }
    return p;
  }
}
