package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.nn.layer.DecoderLayer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A model family: reads its `config.json` and assembles its decoder layers.
///
/// One file a family, one line in [Families]. Only the assembly knows tensor names: the tensors of
/// a checkpoint are listed by running the assembly on a [Listing].
public interface Family {
  /// The values of `model_type` of this family.
  List<String> modelTypes();

  /// The transformers class that `config.json` of a new model names.
  String architecture();

  /// Reads a config; refuses values that would change the result and are not supported.
  ///
  /// @param generation `generation_config.json`, which adds EOS ids
  ModelConfig read(ConfigJson c, @Nullable ConfigJson generation);

  /// This family's published variant of the layer `llama`, in the same sizes.
  default LayerConfig published(LayerConfig llama) {
    return llama;
  }

  /// The path of the norm after the last layer.
  default String finalNorm() {
    return "norm";
  }

  /// Where the decoder's tensors may lie in folders, if the config says one of these places; its
  /// files decide.
  default List<ModelConfig.Place> places() {
    return List.of();
  }

  /// Assembles layer `i`.
  default DecoderLayer layer(ModelConfig config, int i, Parts parts) {
    return Assembly.layer(config, i, parts);
  }
}
