package dev.nudge.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.format.Entry;
import dev.nudge.format.FoldedScales;
import dev.nudge.format.GgufFile;
import dev.nudge.format.Json;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.format.WeightFile;
import dev.nudge.gguf.GgufFiles;
import dev.nudge.gguf.GgufType;
import dev.nudge.gguf.block.BlockReader;
import dev.nudge.identity.BaseDigest;
import dev.nudge.identity.Identity;
import dev.nudge.init.FreshFolder;
import dev.nudge.machine.Machine;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.settings.verb.ExportSettings;
import dev.nudge.settings.verb.ExportSettings.Type;
import dev.nudge.settings.verb.InitSettings;
import dev.nudge.tensor.Dtype;
import dev.nudge.tensor.Scope;
import dev.nudge.tensor.Tensor;
import dev.nudge.text.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What is exported is read back as what it was; what llama.cpp does with it is shown by
/// `src/test/reference/gguf_llama_cpp.py`.
class GgufExportTest {
  private static final Machine MACHINE = new Machine(2, 4L << 30, Backends.cache(), "test");
  private static final Path FAMILIES = Path.of("src/test/resources/golden/families");
  private static final Path PEFT = Path.of("src/test/resources/golden/peft");
  private static final int END = 2;

  @TempDir private Path temp;

  private final List<String> warnings = new ArrayList<>();

  private Exported export(ExportSettings settings) {
    return Objects.requireNonNull(
        GgufExport.run(settings.withLicence("mit"), MACHINE, warnings::add, () -> false));
  }

  /// A family's tiny model with a tokenizer of single letters.
  private Path family(String name) throws IOException {
    Path folder = Files.createDirectories(temp.resolve(name));
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(FAMILIES.resolve(name).resolve("model").resolve(file), folder.resolve(file));
    }
    Map<String, Object> json = new LinkedHashMap<>(Json.plain(Json.read(tokenizer())));
    Map<String, Object> model =
        new LinkedHashMap<>(Json.plain(Json.read(tokenizer()).path("model")));
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    List.of("<s>", "<t>", "</s>").forEach(token -> vocabulary.put(token, vocabulary.size()));
    for (char c = 'a'; c <= 'z'; c++) {
      vocabulary.put(String.valueOf(c), vocabulary.size());
    }
    model.put("vocab", vocabulary);
    model.put("merges", List.of());
    json.put("model", model);
    Map<String, Object> end = new LinkedHashMap<>(Map.of("id", END, "content", "</s>"));
    for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
      end.put(flag, flag.equals("special"));
    }
    json.put("added_tokens", List.of(end));
    Files.writeString(folder.resolve("tokenizer.json"), Json.line(json));
    Files.writeString(folder.resolve("tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");
    return folder;
  }

  private static Path tokenizer() {
    return Goldens.MODEL.resolve("tokenizer.json");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "llama-llama3",
        "llama-linear",
        "llama-yarn-factor",
        "mistral",
        "qwen2-tied",
        "qwen2-window",
        "qwen3-tied",
        "phi3",
        "phi3-longrope",
        "phi4-mini",
        "gemma3-multimodal",
        "granite",
        "granite-biased",
        "olmo2"
      })
  void everyFamilyIsReadBackAsItWas(String name) throws IOException {
    Path model = family(name);
    Path out = temp.resolve("out/model.gguf");
    Exported done = export(ExportSettings.of(model, out).withType(Type.F32));
    ModelConfig config = ModelConfig.load(model);
    ModelConfig back = ModelConfig.load(out);
    int positions = back.maxPositionEmbeddings();
    assertThat(ConfigDifference.of(config, back, positions)).isNull();
    boolean cut = name.equals("mistral") || name.equals("qwen2-window");
    assertThat(positions < config.maxPositionEmbeddings()).isEqualTo(cut);
    assertThat(warnings).hasSize(cut || name.startsWith("phi3") ? 1 : 0);
    assertThat(done.bytes()).isEqualTo(Files.size(out));
    try (WeightFile source = WeightFile.open(model);
        WeightFile written = WeightFile.open(out)) {
      for (String tensor : back.tensors().keySet()) {
        String there = name.equals("gemma3-multimodal") ? multimodal(config, tensor) : tensor;
        double[] want = values(source, there);
        double[] got = values(written, tensor);
        assertThat(got).as(tensor).hasSameSizeAs(want);
        for (int i = 0; i < want.length; i++) {
          assertThat(got[i]).as(tensor).isCloseTo(want[i], offset(2e-7)); // Gemma's 1 + w
        }
      }
    }
    Tokenizer tokenizer = Tokenizer.load(out, Backends.cache());
    assertThat(tokenizer.vocabSize()).isEqualTo(config.vocabSize());
    assertThat(tokenizer.eosId()).isEqualTo(END);
    assertThat(tokenizer.ids("ab</s>", false)).containsExactly(3, 4, END);
    assertThat(Files.readString(temp.resolve("out/Modelfile")))
        .contains("FROM ./model.gguf\n")
        .contains("PARAMETER stop \"</s>\"\n");
  }

  private static String multimodal(ModelConfig config, String tensor) {
    return tensor.equals("lm_head.weight")
        ? config.head()
        : config.place().tensors() + tensor.substring("model.".length());
  }

  private static double[] values(WeightFile file, String name) {
    GgufFile.Packed packed = file instanceof GgufFile gguf ? gguf.packed(name) : null;
    if (packed == null) {
      Tensor tensor = file.tensor(name);
      double[] all = new double[(int) tensor.elements()];
      for (int i = 0; i < all.length; i++) {
        all[i] = tensor.at(i);
      }
      return all;
    }
    double[] all = new double[packed.rows() * packed.cols()];
    try (Scope scope = Scope.open("test")) {
      Tensor row = scope.tensor(Dtype.F32, 1, packed.cols());
      long bytes = packed.type().rowBytes(packed.cols());
      for (int r = 0; r < packed.rows(); r++) {
        long at = (packed.order() == null ? r : packed.order().inFile(r)) * bytes;
        int blocks = packed.cols() / packed.type().block();
        BlockReader.of(packed.type()).read(packed.bytes(), at, blocks, row.data(), 0);
        for (int c = 0; c < packed.cols(); c++) {
          all[r * packed.cols() + c] = row.at(c);
        }
      }
    }
    return all;
  }

  /// A Llama whose rows are blocks of 256, and its tokenizer.
  private Path wide() throws IOException {
    Path config = temp.resolve("wide.json");
    Map<String, @Nullable Object> c = Json.plain(Json.read(Goldens.MODEL.resolve("config.json")));
    c.putAll(
        Map.of(
            "hidden_size", 256, "intermediate_size", 512, "num_hidden_layers", 9, "head_dim", 64));
    Files.writeString(config, Json.line(c));
    Path folder = temp.resolve("wide");
    FreshFolder.prepare(InitSettings.of(config, folder)).write(() -> false);
    for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
      Files.copy(Goldens.MODEL.resolve(name), folder.resolve(name));
    }
    return folder;
  }

  @ParameterizedTest
  @EnumSource(Type.class)
  void everyTypeIsReadBackWithinItsError(Type type) throws IOException {
    Path model = wide();
    Path out = temp.resolve(type + ".gguf");
    export(ExportSettings.of(model, out).withType(type));
    double most =
        switch (type) {
          case F32 -> 0;
          case F16, BF16 -> 0.003;
          case Q8_0 -> 0.01;
          case Q6_K -> 0.03;
          case Q5_K -> 0.05;
          case Q4_0, Q4_1, Q4_K -> 0.1;
        };
    try (WeightFile source = WeightFile.open(model);
        WeightFile written = WeightFile.open(out)) {
      for (String tensor : ModelConfig.load(out).tensors().keySet()) {
        double[] want = values(source, tensor);
        double[] got = values(written, tensor);
        double error = 0;
        double size = 0;
        for (int i = 0; i < want.length; i++) {
          error += (got[i] - want[i]) * (got[i] - want[i]);
          size += want[i] * want[i];
        }
        assertThat(Math.sqrt(error / size)).as(tensor).isLessThanOrEqualTo(most);
      }
    }
    try (GgufFiles files = GgufFiles.open(out)) {
      GgufType usual = GgufType.valueOf(type.name());
      assertThat(stored(files, "blk.2.attn_q.weight")).isEqualTo(usual);
      assertThat(stored(files, "output_norm.weight")).isEqualTo(GgufType.F32);
      boolean mixed = type == Type.Q4_K || type == Type.Q5_K;
      List<Integer> more = new ArrayList<>();
      for (int i = 0; i < 9; i++) {
        GgufType v = stored(files, "blk." + i + ".attn_v.weight");
        assertThat(stored(files, "blk." + i + ".ffn_down.weight")).isEqualTo(v);
        if (v != usual) {
          assertThat(v).isEqualTo(GgufType.Q6_K);
          more.add(i);
        }
      }
      assertThat(more).isEqualTo(mixed ? List.of(0, 3, 6, 7, 8) : List.of());
      boolean packed = type.ordinal() > Type.Q8_0.ordinal();
      assertThat(stored(files, "token_embd.weight")).isEqualTo(packed ? GgufType.Q6_K : usual);
    }
  }

  private static GgufType stored(GgufFiles files, String name) {
    return Objects.requireNonNull(files.find(name), name).tensor().type();
  }

  @Test
  void anAdapterIsMergedInFp32() throws IOException {
    aloneIsWhatIsMerged(Goldens.MODEL, PEFT.resolve("patterns-rslora/adapter"));
  }

  /// The adapter of a model meets a base whose scales `--method awq` folded in.
  @Test
  void anAdapterAloneIsWrittenForTheScalesOfItsBase() throws IOException {
    Path adapter = Files.createDirectories(temp.resolve("adapter"));
    for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(PEFT.resolve("patterns-rslora/adapter").resolve(name), adapter.resolve(name));
    }
    Path model = Files.createDirectories(temp.resolve("awq"));
    for (String name : List.of("config.json", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(Goldens.MODEL.resolve(name), model.resolve(name));
    }
    byte[] weights = Files.readAllBytes(Goldens.MODEL.resolve("model.safetensors"));
    int last = weights.length - 4;
    weights[last] = (byte) (weights[last] ^ 1); // of another digest
    Files.write(model.resolve("model.safetensors"), weights);
    String digest = BaseDigest.of(Goldens.MODEL, MACHINE.cache());
    Identity.of(new Identity.Model(Goldens.MODEL, null, () -> digest), Map.of()).write(adapter);
    Files.writeString(
        model.resolve(Identity.FILE),
        Json.line(Map.of("version", 1, Identity.SOURCE_DIGEST, digest)));
    scales(model);
    aloneIsWhatIsMerged(model, adapter);
  }

  /// Writes factors of all inputs and outputs beside a model.
  private static void scales(Path model) {
    ModelConfig config = ModelConfig.load(model);
    try (Scope scope = Scope.open("scales")) {
      Map<String, Tensor> factors = new LinkedHashMap<>();
      for (String path : config.projections()) {
        long[] shape = Objects.requireNonNull(config.tensors().get(path + ".weight"));
        factors.put(FoldedScales.out(path), scope.tensor(Dtype.F32, shape[0]));
        factors.put(FoldedScales.in(path), scope.tensor(Dtype.F32, shape[1]));
      }
      List<Entry> entries = new ArrayList<>();
      factors.forEach((name, t) -> entries.add(Entry.of(name, Dtype.F32, t.elements())));
      Path file = model.resolve(FoldedScales.FILE);
      try (SafeTensorsWriter to = SafeTensorsWriter.create(file, Map.of(), entries)) {
        factors.forEach(
            (name, t) -> {
              for (long i = 0; i < t.elements(); i++) {
                t.put(i, 0.5 + i % 7);
              }
              to.write(name, t);
            });
      }
    }
  }

  private void aloneIsWhatIsMerged(Path model, Path adapter) throws IOException {
    Path out = temp.resolve("merged.gguf");
    export(ExportSettings.of(model, out).withAdapter(adapter).withType(Type.F32));
    Path lora = temp.resolve("lora.gguf");
    Exported alone =
        export(ExportSettings.of(model, lora).withAdapter(adapter).withAdapterOnly(true));
    assertThat(alone.type()).isEqualTo("f32");
    assertThat(Files.readString(temp.resolve("Modelfile"))).contains("ADAPTER ./lora.gguf\n");
    Path base = temp.resolve("base.gguf");
    export(ExportSettings.of(model, base).withType(Type.F32));
    int changed = 0;
    try (GgufFiles merged = GgufFiles.open(out);
        GgufFiles plain = GgufFiles.open(base)) {
      LoraParts parts = LoraParts.read(lora);
      for (String name : plain.tensors().keySet()) {
        double[] want = numbers(plain, name);
        if (parts.has(name)) {
          parts.add(name, want);
          changed++;
        }
        double[] got = numbers(merged, name);
        for (int i = 0; i < want.length; i++) {
          double most = 1e-6 * Math.max(1, Math.abs(want[i]));
          assertThat(got[i]).as(name).isCloseTo(want[i], offset(most));
        }
      }
      assertThat(changed).isEqualTo(parts.count()).isGreaterThan(3);
    }
    Path cache = temp.resolve("cache");
    Path folder = LoraFolder.of(lora, model, cache);
    Path again = temp.resolve("again.gguf");
    export(
        ExportSettings.of(model, again)
            .withAdapter(folder)
            .withAnyBase(true)
            .withAdapterOnly(true));
    try (GgufFiles first = GgufFiles.openAdapter(lora);
        GgufFiles second = GgufFiles.openAdapter(again)) {
      assertThat(second.metadata().number("adapter.lora.alpha", null))
          .isEqualTo(first.metadata().number("adapter.lora.alpha", null));
      assertThat(second.tensors().keySet()).isEqualTo(first.tensors().keySet());
      for (String name : first.tensors().keySet()) {
        assertThat(numbers(second, name)).as(name).isEqualTo(numbers(first, name));
      }
    }
    assertThatThrownBy(() -> LoraFolder.of(base, model, cache))
        .isInstanceOf(InputException.class)
        .hasMessage(base + ": general.type is \"model\"; it must be adapter for --adapter");
    byte[] half = Files.readAllBytes(lora);
    int letter = new String(half, StandardCharsets.ISO_8859_1).indexOf("attn_q.weight.lora_b") + 19;
    half[letter] = 'c';
    Path bare = Files.write(temp.resolve("half.gguf"), half);
    assertThatThrownBy(() -> LoraFolder.of(bare, model, cache))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("half.gguf holds the tensor blk.")
        .hasMessageContaining(".attn_q.weight.lora_a, which is no A or B of a linear layer of");
    Path other = FAMILIES.resolve("qwen3-tied/model");
    assertThatThrownBy(() -> LoraFolder.of(lora, other, cache))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "%s is an adapter of the architecture llama; --model %s is qwen3"
                .formatted(lora, other));
  }

  private static double[] numbers(GgufFiles files, String name) {
    return LoraParts.floats(Objects.requireNonNull(files.find(name), name).bytes());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          dora      | biased-sharded | is DoRA, for which a LoRA file of llama.cpp has no place; leave --adapter-only out to merge it
          lora-bias | biased-sharded | is LoRA with biases (lora_bias), for which a LoRA file of llama.cpp has no place; leave --adapter-only out to merge it
          """)
  void adaptersThatALoraFileCannotHoldAreRefused(String name, String base, String why) {
    Path adapter = PEFT.resolve(name).resolve("adapter");
    Path model = Goldens.FOLDER.resolve("llama").resolve(base).resolve("model");
    refused(
        ExportSettings.of(model, temp.resolve("x.gguf"))
            .withAdapter(adapter)
            .withAnyBase(true)
            .withAdapterOnly(true),
        "adapter " + adapter + " " + why);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          exaone4           | is of the family exaone4; GGUF files are written of llama, mistral, qwen2, qwen3, smollm3, phi3, gemma2, gemma3, granite and olmo2
          llama-yarn-exact  | cannot be said in a GGUF file of the architecture llama: layers[0].turning.rope.truncate is false, and the file would say true
          gemma2            | cannot be said in a GGUF file of the architecture gemma2: layers[0].attention.scale is 0.22360679774997896, and the file would say 0.17677669529663687
          llama-dynamic     | cannot be said in a GGUF file: rope_scaling is dynamic, frequencies that depend on the length of a text
          qwen3-biased-yarn | has the tensor model.layers.0.self_attn.q_proj.bias, for which GGUF files of the architecture qwen3 have no place
          """)
  void modelsThatAFileCannotSayAreRefused(String name, String why) throws IOException {
    Path model = family(name);
    Path out = temp.resolve("new/deep/x.gguf");
    refused(ExportSettings.of(model, out), "--model " + model + " " + why);
    assertThat(temp.resolve("new")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      ignoreLeadingAndTrailingWhitespace = false,
      value = {
        "false|Say {{\"x\"}}: {a}\\n"
            + "Team:|TEMPLATE \"\"\"Say {{ `{` }}{{ `\"` }}x{{ `\"` }}}: {{ .Prompt }}~"
            + "Team:\"\"\"~",
        "false|{a} {b}:\\n"
            + "|# Ask with the whole prompt: {a} {b}:\\n~"
            + "TEMPLATE \"\"\"{{ .Prompt }}\"\"\"~",
        "false||TEMPLATE \"\"\"{{ .Prompt }}\"\"\"~",
        "true||",
      },
      quoteCharacter = '\'')
  void theModelfileOfAnAdapterOfPromptsHasItsPattern(
      boolean spoken, @Nullable String pattern, @Nullable String template) throws IOException {
    Path adapter = Files.createDirectories(temp.resolve("adapter"));
    for (String file : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(Goldens.ADAPTER.resolve(file), adapter.resolve(file));
    }
    Identity.Model model =
        new Identity.Model(
            Goldens.MODEL, null, () -> BaseDigest.of(Goldens.MODEL, MACHINE.cache()));
    Map<String, @Nullable Object> data = new LinkedHashMap<>();
    data.put("spoken", spoken);
    data.put("prompt", pattern);
    Identity.of(model, data).write(adapter);
    for (boolean alone : List.of(false, true)) {
      export(
          ExportSettings.of(Goldens.MODEL, temp.resolve("x" + alone + ".gguf"))
              .withAdapter(adapter)
              .withAdapterOnly(alone));
      String text = Files.readString(temp.resolve("Modelfile"));
      if (template == null) {
        assertThat(text).doesNotContain("TEMPLATE");
      } else {
        assertThat(text).endsWith("\n" + template.replace("~", "\n"));
      }
    }
  }

  @Test
  void placesThatAreTakenAreRefused() throws IOException {
    Path out = Files.writeString(temp.resolve("x.gguf"), "mine");
    ExportSettings settings = ExportSettings.of(Goldens.MODEL, out);
    String there = "--out " + out + " is there already; give another file, or --overwrite";
    assertThatThrownBy(() -> export(settings)).hasMessage(there);
    assertThatThrownBy(() -> export(settings.withOverwrite(true)))
        .hasMessage("--out " + out + " is no GGUF file, so it is not replaced; give another file");
    assertThat(Files.readString(out)).isEqualTo("mine");
    assertThatThrownBy(() -> export(ExportSettings.of(Goldens.MODEL, temp)))
        .hasMessage("--out " + temp + " is a folder; give a file, such as " + temp + "/model.gguf");
    Files.delete(out);
    Path modelfile = Files.writeString(temp.resolve("Modelfile"), "FROM mine\n");
    assertThat(export(settings).modelfile()).isNull();
    assertThat(Files.readString(modelfile)).isEqualTo("FROM mine\n");
    assertThatThrownBy(() -> export(settings)).hasMessage(there);
    assertThat(export(settings.withOverwrite(true).withType(Type.Q8_0)).type()).isEqualTo("q8_0");
    Path again = temp.resolve("again.gguf");
    export(ExportSettings.of(out, again).withType(Type.F32));
    assertThat(ModelConfig.load(again)).isEqualTo(ModelConfig.load(out));
    assertThatThrownBy(() -> export(ExportSettings.of(out, out).withOverwrite(true)))
        .hasMessage("--out " + out + " is the --model file; give another file");
    assertThat(
            GgufExport.run(ExportSettings.of(out, temp.resolve("y")), MACHINE, _ -> {}, () -> true))
        .isNull();
    try (Stream<Path> files = Files.list(temp)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("x.gguf", "again.gguf", "Modelfile");
    }
  }

  private void refused(ExportSettings settings, String message) {
    assertThatThrownBy(() -> export(settings))
        .isInstanceOf(InputException.class)
        .hasMessage(message);
    assertThat(temp.resolve("x.gguf")).doesNotExist();
    assertThat(temp.resolve("x.gguf.tmp")).doesNotExist();
  }
}
