package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.format.FolderText;
import dev.nudge.format.OutFolder;
import dev.nudge.format.WeightFile;
import dev.nudge.quant.WeightFormats;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// The supported model families, one line each.
public final class Families {
  static final Family LLAMA = new Llama();

  static final List<Family> ALL =
      List.of(
          LLAMA,
          new Mistral(),
          new Ministral3(),
          new Qwen2(),
          new Qwen3(),
          new SmolLm3(),
          new Phi3(),
          new Gemma2(),
          new Gemma3(),
          new Granite(),
          new Olmo2(),
          new Olmo3(),
          new Exaone4(),
          new SeedOss(),
          new Glm4(),
          new Ernie45(),
          new HunYuanDense(),
          new Qwen3Moe(),
          new Qwen2Moe(),
          new Mixtral(),
          new Olmoe(),
          new GraniteMoe(),
          new GptOss(),
          new Lfm2(),
          new Qwen35());

  private Families() {}

  static ModelConfig load(Path folder) {
    OutFolder.mend(folder);
    Path file = folder.resolve("config.json");
    if (!Files.exists(folder)) {
      boolean gguf = folder.toString().endsWith(".gguf");
      throw new InputException(
          folder + ": no such " + (gguf ? "file" : "model folder") + HubName.hint(folder));
    }
    if (!FolderText.isFolder(folder)) {
      throw new InputException(
          folder + ": is a file; a model folder with config.json, or a GGUF file is needed");
    }
    if (!FolderText.exists(file)) {
      throw new InputException(
          folder
              + ": holds no config.json; "
              + (Files.exists(folder.resolve("adapter_config.json"))
                  ? "it is an adapter, the model is its base"
                  : gguf(folder)));
    }
    Path generation = folder.resolve("generation_config.json");
    ConfigJson json = ConfigJson.read(file);
    ModelConfig config =
        read(json, FolderText.exists(generation) ? ConfigJson.read(generation) : null);
    return config.family().places().contains(config.place())
        ? placed(config, json.present("tie_word_embeddings"), folder)
        : config;
  }

  /// What to give instead of a folder without a config.
  private static String gguf(Path folder) {
    Path first = null;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.gguf")) {
      for (Path file : files) {
        first = first == null || file.compareTo(first) < 0 ? file : first;
      }
    } catch (IOException | DirectoryIteratorException e) {
      first = null; // then it counts as any other folder
    }
    return first == null
        ? "a model folder as transformers saves it, or a GGUF file is needed"
        : "it holds GGUF files; give one, such as --model " + first;
  }

  public static ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    String type = c.text("model_type", null);
    ConfigJson quantization = WeightFormats.declaration(c);
    Family family = of(type);
    if (family == null) {
      String known =
          ALL.stream().flatMap(f -> f.modelTypes().stream()).collect(Collectors.joining(", "));
      throw c.refuse(
          "model_type " + ConfigJson.quote(type) + " is not supported; supported: " + known);
    }
    if (quantization != null) {
      WeightFormats.declared(quantization);
    }
    return family.read(c, generation);
  }

  /// The family of a `model_type`.
  static @Nullable Family of(String type) {
    return ALL.stream().filter(f -> f.modelTypes().contains(type)).findFirst().orElse(null);
  }

  /// A decoder that is a part of a multimodal model, with the tensor names of its files. As in
  /// transformers, a stored head that differs from the embedding is untied unless the config says
  /// whether it is.
  private static ModelConfig placed(ModelConfig config, boolean tieGiven, Path folder) {
    try (WeightFile file = WeightFile.open(folder)) {
      for (ModelConfig.Place place : config.family().places()) {
        ModelConfig other = config.withPlace(place);
        if (file.names().contains(other.embedding())) {
          ModelConfig headed = config.withPlace(place.withHead("lm_head"));
          boolean own = file.names().contains(other.head());
          if (own || (other.tieWordEmbeddings() && !file.names().contains(headed.head()))) {
            headed = other;
          }
          boolean differs =
              file.names().contains(headed.head())
                  && file.bytes(headed.head()).mismatch(file.bytes(headed.embedding())) != -1;
          return !tieGiven && differs ? headed.withTokens(false, headed.eosTokenIds()) : headed;
        }
      }
      return config;
    } catch (InputException e) {
      return config; // what is wrong with the weights is told by who reads them
    }
  }
}
