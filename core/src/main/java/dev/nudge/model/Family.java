package dev.nudge.model;

import dev.nudge.format.ConfigJson;
import dev.nudge.nn.DecoderLayer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// A family of models: how its `config.json` is read, and how its layers are put together.
///
/// One file a family, one line in [Families]. The names of tensors stand in the assembly alone:
/// what a checkpoint holds is the assembly, run on a [Listing].
interface Family {
  /// What `model_type` says.
  List<String> modelTypes();

  /// The class of transformers that a new model's `config.json` names.
  String architecture();

  /// Reads a config; what would change the result and is not supported is refused.
  ///
  /// @param generation `generation_config.json`, which adds end tokens
  ModelConfig read(ConfigJson c, @Nullable ConfigJson generation);

  /// The layer that a published model of this family has where a Llama of its sizes has `llama`.
  default LayerConfig published(LayerConfig llama) {
    return llama;
  }

  /// Puts layer `i` together.
  default DecoderLayer layer(ModelConfig config, int i, Parts parts) {
    return Assembly.layer(config, i, parts);
  }
}
