package dev.nudge.model;

import dev.nudge.machine.Backend;
import dev.nudge.model.family.Assembly;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.model.family.Parts;
import dev.nudge.model.family.WeightSource;
import dev.nudge.model.rope.Ropes;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Norm;
import dev.nudge.nn.ScoreHead;
import dev.nudge.nn.Tied;
import dev.nudge.nn.layer.DecoderLayer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// The parts of a decoder after assembly.
///
/// @param head the output head; not one of the linear layers in `modules`
/// @param modules that adapters can wrap; the linear layers are those of `layers`, in the
///     checkpoint's order
/// @param score the place of a score head
/// @param mapped memory of each layer's weights that is a mapped file
/// @param owner closes the weights
record DecoderParts(
    Embedding embedding,
    List<DecoderLayer> layers,
    Norm norm,
    LinearSlot head,
    Modules modules,
    ScoreHead score,
    Ropes ropes,
    List<List<MemorySegment>> mapped,
    AutoCloseable owner) {

  /// Builds a decoder from the weights of a source.
  static DecoderParts of(
      ModelConfig config, Backend backend, WeightSource weights, AutoCloseable owner) {
    Ropes ropes = new Ropes(backend.compute());
    Parts parts = new Parts(config, weights, ropes);
    Embedding embedding = Assembly.embedding(config, parts);
    List<DecoderLayer> layers = new ArrayList<>();
    List<List<MemorySegment>> mapped = new ArrayList<>();
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      layers.add(config.family().layer(config, i, parts));
      mapped.add(weights.mapped(config.layer(i)));
    }
    LinearSlot head =
        config.tieWordEmbeddings()
            ? new LinearSlot(config.headModule(), config.head(), Tied.of(embedding))
            : Assembly.head(config, parts);
    Norm norm = Assembly.norm(config, parts);
    return new DecoderParts(
        embedding,
        layers,
        norm,
        head,
        parts.modules(head, embedding),
        parts.score(),
        ropes,
        mapped,
        owner);
  }
}
