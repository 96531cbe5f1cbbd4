package dev.nudge.model;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.HubName;
import dev.nudge.settings.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reads a [ModelConfig] as `LlamaConfig` of transformers 5.24 reads it.
///
/// Two layouts are in the field and may be mixed; where both say something, the order is that of
/// transformers:
///
/// - rotary settings: `rope_scaling` (layout 4) if it is there and not empty, else
///   `rope_parameters` (layout 5); in it `rope_type` before `type`, neither is `default`;
/// - `rope_theta`: the one in that object, else the one beside it, else 10000;
/// - `original_max_position_embeddings` of llama3: the one beside, else the one in the object, else
///   `max_position_embeddings`.
///
/// An absent key takes the class's default, written below. What would change the result and is not
/// supported is refused: another activation, a rope type, a quantisation. Checked more strictly
/// than there: `num_attention_heads` must be a multiple of `num_key_value_heads`, a head's size is
/// even, sizes are positive. More leniently: with `head_dim` given, the hidden size need not be a
/// multiple of the heads (transformers 4 allows it too).
final class ConfigReader {
  private static final int MOST_SIZE = 1 << 22;
  private static final int MOST_LAYERS = 1 << 14;
  private static final List<String> ROPE_TYPES = List.of("default", "linear", "llama3");

  private ConfigReader() {}

  static ModelConfig load(Path folder) {
    OutFolder.mend(folder);
    Path file = folder.resolve("config.json");
    if (!Files.exists(folder)) {
      throw new InputException(folder + ": no such model folder" + HubName.hint(folder, "--model"));
    }
    if (!Files.isDirectory(folder)) {
      throw new InputException(folder + ": is a file; a model folder with config.json is needed");
    }
    if (!Files.exists(file)) {
      throw new InputException(
          folder
              + ": holds no config.json; "
              + (Files.exists(folder.resolve("adapter_config.json"))
                  ? "it is an adapter, the model is its base"
                  : "a model folder as transformers saves it is needed"));
    }
    Path generation = folder.resolve("generation_config.json");
    return read(
        ConfigJson.read(file), Files.exists(generation) ? ConfigJson.read(generation) : null);
  }

  static ModelConfig read(ConfigJson c, @Nullable ConfigJson generation) {
    supported(c, "model_type", c.text("model_type", null), List.of("llama"));
    supported(c, "hidden_act", c.text("hidden_act", "silu"), List.of("silu"));
    ConfigJson quantization = c.object(BnbConfig.KEY);
    if (quantization != null) {
      BnbConfig.check(quantization);
    }
    int hidden = c.whole("hidden_size", 4096, MOST_SIZE);
    int heads = c.whole("num_attention_heads", 32, MOST_SIZE);
    int keyValueHeads =
        c.has("num_key_value_heads") ? c.whole("num_key_value_heads", 0, MOST_SIZE) : heads;
    if (heads % keyValueHeads != 0) {
      throw c.refuse(
          "num_attention_heads "
              + heads
              + " is not a multiple of num_key_value_heads "
              + keyValueHeads);
    }
    int maxPosition = c.whole("max_position_embeddings", 2048, Integer.MAX_VALUE);
    return new ModelConfig(
        hidden,
        c.whole("intermediate_size", 11008, MOST_SIZE),
        c.whole("num_hidden_layers", 32, MOST_LAYERS),
        heads,
        keyValueHeads,
        headDim(c, hidden, heads),
        c.whole("vocab_size", 32000, MOST_SIZE),
        maxPosition,
        eps(c),
        c.flag("tie_word_embeddings", false),
        c.flag("attention_bias", false),
        c.flag("mlp_bias", false),
        rope(c, maxPosition),
        first(
            ids(c, "bos_token_id", List.of(1)),
            generation == null ? List.of() : ids(generation, "bos_token_id", List.of())),
        union(
            ids(c, "eos_token_id", List.of(2)),
            generation == null ? List.of() : ids(generation, "eos_token_id", List.of())),
        padding(c));
  }

  private static void supported(ConfigJson c, String key, String given, List<String> known) {
    if (!known.contains(given)) {
      throw c.refuse(
          key
              + " "
              + ConfigJson.quote(given)
              + " is not supported; supported: "
              + String.join(", ", known));
    }
  }

  private static int headDim(ConfigJson c, int hidden, int heads) {
    boolean given = c.has("head_dim");
    if (!given && hidden % heads != 0) {
      throw c.refuse(
          "hidden_size "
              + hidden
              + " is not a multiple of num_attention_heads "
              + heads
              + ", and head_dim is not given");
    }
    int headDim = given ? c.whole("head_dim", 0, MOST_SIZE) : hidden / heads;
    if (headDim % 2 != 0) {
      String from =
          given ? "" : " (hidden_size " + hidden + " / num_attention_heads " + heads + ")";
      throw c.refuse("head_dim " + headDim + from + " is odd; an even one is needed");
    }
    if ((long) heads * headDim > MOST_SIZE) {
      throw c.refuse(
          "num_attention_heads " + heads + " times head_dim " + headDim + " is above " + MOST_SIZE);
    }
    return headDim;
  }

  private static double eps(ConfigJson c) {
    double eps = c.number("rms_norm_eps", 1e-6);
    if (!(eps >= 0 && eps < 1)) {
      throw c.refuse("rms_norm_eps is " + eps + "; 0 to 1 is allowed");
    }
    return eps;
  }

  private static RopeParameters rope(ConfigJson c, int maxPosition) {
    ConfigJson scaling = c.object("rope_scaling");
    ConfigJson rope = scaling == null || scaling.isEmpty() ? c.object("rope_parameters") : scaling;
    if (rope == null) {
      return new RopeParameters.Default(c.positive("rope_theta", 10000.0));
    }
    double theta =
        rope.present("rope_theta")
            ? rope.positive("rope_theta", null)
            : c.positive("rope_theta", 10000.0);
    String type = rope.text("rope_type", rope.text("type", "default"));
    supported(rope, "rope_type", type, ROPE_TYPES);
    if (!type.equals("default") && rope.number("partial_rotary_factor", 1.0) != 1) {
      throw rope.refuse(
          "partial_rotary_factor is "
              + rope.number("partial_rotary_factor", 1.0)
              + "; only 1 is supported");
    }
    return switch (type) {
      case "default" -> new RopeParameters.Default(theta);
      case "linear" -> new RopeParameters.Linear(theta, rope.positive("factor", null));
      default -> llama3(c, rope, theta, maxPosition);
    };
  }

  private static RopeParameters llama3(
      ConfigJson c, ConfigJson rope, double theta, int maxPosition) {
    double low = rope.positive("low_freq_factor", null);
    double high = rope.positive("high_freq_factor", null);
    if (high <= low) {
      throw rope.refuse("high_freq_factor " + high + " is not above low_freq_factor " + low);
    }
    String original = "original_max_position_embeddings";
    return new RopeParameters.Llama3(
        theta,
        rope.positive("factor", null),
        low,
        high,
        (c.present(original) ? c : rope).whole(original, maxPosition, Integer.MAX_VALUE));
  }

  /// Token ids: a number, a list of them, or null for none. A negative one stands for none.
  private static List<Integer> ids(ConfigJson c, String key, List<Integer> absent) {
    if (!c.present(key)) {
      return absent;
    }
    List<Integer> ids = new ArrayList<>();
    JsonNode value = c.node(key);
    for (JsonNode id : value.isArray() ? value.values() : List.of(value)) {
      if (!id.isNull() && !id.isInt()) {
        throw c.refuse(
            key + " is " + ConfigJson.show(value) + "; a token id or a list of them is needed");
      }
      if (id.isInt() && id.intValue() >= 0 && !ids.contains(id.intValue())) {
        ids.add(id.intValue());
      }
    }
    return ids;
  }

  /// The padding token; torch counts one below zero from the end of the vocabulary.
  private static @Nullable Integer padding(ConfigJson c) {
    if (!c.present("pad_token_id") || !c.node("pad_token_id").isInt()) {
      return null;
    }
    int id = c.node("pad_token_id").intValue();
    return id < 0 ? id + c.whole("vocab_size", 32000, MOST_SIZE) : id;
  }

  private static @Nullable Integer first(List<Integer> ids, List<Integer> otherwise) {
    return ids.isEmpty() ? otherwise.isEmpty() ? null : otherwise.getFirst() : ids.getFirst();
  }

  private static List<Integer> union(List<Integer> ids, List<Integer> more) {
    List<Integer> all = new ArrayList<>(ids);
    more.stream().filter(id -> !all.contains(id)).forEach(all::add);
    return all;
  }
}
