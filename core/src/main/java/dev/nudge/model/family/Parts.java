package dev.nudge.model.family;

import dev.nudge.model.rope.Ropes;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.JoinedLinear;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Modules;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.ScoreHead;
import dev.nudge.nn.TrainedLinear;
import dev.nudge.nn.layer.DeltaNet;
import dev.nudge.nn.layer.Rotary;
import dev.nudge.nn.layer.ShortConvolution;
import dev.nudge.nn.layer.Sinks;
import dev.nudge.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Makes the parts of an assembly with weights from a [WeightSource]. That is a list of names, a
/// file that is held or streamed, random numbers, or none.
///
/// Paths are those inside the decoder: `layers.0.mlp.up_proj`.
public final class Parts {
  private final ModelConfig config;
  private final WeightSource weights;
  private final @Nullable Ropes ropes;
  private final List<LinearSlot> slots = new ArrayList<>(); // in the checkpoint's order
  private final Map<String, Norm> norms = new LinkedHashMap<>();
  private final ScoreHead score = new ScoreHead();

  /// @param ropes null if the model will not run
  public Parts(ModelConfig config, WeightSource weights, @Nullable Ropes ropes) {
    this.config = config;
    this.weights = weights;
    this.ropes = ropes;
  }

  /// A linear layer in a slot, which is added to the slots.
  LinearSlot linear(String path, int out, int in, boolean bias) {
    return linear(path, path, out, in, bias);
  }

  /// A linear layer whose tensor has another path than its module.
  LinearSlot linear(String path, String stored, int out, int in, boolean bias) {
    String name = config.place().tensors() + stored;
    return slot(path, List.of(name + ".weight"), linear(out, in, name, bias));
  }

  /// Puts layers without biases in one slot; concatenates outputs.
  ///
  /// @param stored paths of their tensors
  /// @param out of each
  LinearSlot joined(String path, List<String> stored, int out, int in) {
    String prefix = config.place().tensors();
    Linear[] parts = new Linear[stored.size()];
    List<String> weights = new ArrayList<>();
    for (int i = 0; i < parts.length; i++) {
      parts[i] = linear(out, in, prefix + stored.get(i), false);
      weights.add(prefix + stored.get(i) + ".weight");
    }
    return slot(path, weights, JoinedLinear.of(parts));
  }

  private LinearSlot slot(String path, List<String> weights, Linear linear) {
    LinearSlot slot = new LinearSlot(config.place().modules() + path, weights, linear);
    slots.add(slot);
    return slot;
  }

  /// The output head, which is not added to the slots.
  LinearSlot head(int out, int in) {
    String path = config.place().head();
    return new LinearSlot(config.headModule(), path + ".weight", linear(out, in, path, false));
  }

  private Linear linear(int out, int in, String name, boolean biased) {
    String weight = name + ".weight";
    weights.expect(weight, out, in);
    Tensor row = null;
    if (biased) {
      weights.expect(name + ".bias", out);
      row = row(name + ".bias");
    }
    Linear linear = weights.linear(weight, row);
    Parameter trained = weights.parameter(weight);
    Parameter bias = weights.parameter(name + ".bias");
    return trained == null && bias == null ? linear : TrainedLinear.of(linear, trained, bias);
  }

  /// A logit for each head.
  Sinks sinks(String path, int heads) {
    String name = config.place().tensors() + path;
    weights.expect(name, heads);
    Parameter trained = weights.parameter(name);
    return new Sinks(trained == null ? row(name) : trained.work(), trained);
  }

  /// The taps of a causal convolution.
  ShortConvolution.Filter filter(String path, int width, int taps, boolean biased) {
    String name = config.place().tensors() + path;
    weights.expect(name + ".weight", width, 1, taps);
    Parameter trained = weights.parameter(name + ".weight");
    Tensor weight = trained == null ? row(name + ".weight") : trained.work();
    Tensor bias = null;
    if (biased) {
      weights.expect(name + ".bias", width);
      bias = row(name + ".bias");
    }
    return new ShortConvolution.Filter(
        weight, bias, trained, biased ? weights.parameter(name + ".bias") : null);
  }

  /// How fast the heads of a gated delta rule forget.
  DeltaNet.Decay decay(String path, int heads) {
    String rate = config.place().tensors() + path + "A_log";
    String bias = config.place().tensors() + path + "dt_bias";
    weights.expect(bias, heads);
    weights.expect(rate, heads);
    Parameter trainedRate = weights.parameter(rate);
    Parameter trainedBias = weights.parameter(bias);
    return new DeltaNet.Decay(
        trainedRate == null ? row(rate) : trainedRate.work(),
        trainedBias == null ? row(bias) : trainedBias.work(),
        trainedRate,
        trainedBias);
  }

  Norm norm(String path, int width) {
    return norm(path, width, config.normOffset());
  }

  /// @param offset is added to the weight
  Norm norm(String path, int width, double offset) {
    String name = config.place().tensors() + path + ".weight";
    weights.expect(name, width);
    Parameter trained = weights.parameter(name);
    Norm norm =
        trained == null
            ? new Norm(row(name), config.rmsNormEps(), offset)
            : new Norm(trained, config.rmsNormEps(), offset);
    norms.put(config.place().modules() + path, norm);
    return norm;
  }

  Embedding embedding(String path, int rows, int width) {
    String name = config.place().tensors() + path + ".weight";
    weights.expect(name, rows, width);
    Parameter trained = weights.parameter(name);
    Integer given = config.padTokenId();
    int padding = given == null ? -1 : given;
    return trained == null
        ? new Embedding(weights.linear(name, null), padding, config.embeddingScale())
        : new Embedding(trained, padding, config.embeddingScale());
  }

  /// The rotary tables of a layer; null without RoPE.
  @Nullable Rotary rotary(@Nullable Turning turning) {
    return turning == null || ropes == null ? null : ropes.of(turning);
  }

  private Tensor row(String name) {
    Tensor vector = weights.tensor(name);
    return vector.reshaped(1, vector.elements());
  }

  /// The modules made so far on which adapters can sit.
  ///
  /// @param head null in a part without one
  /// @param embedding null in a part without one
  public Modules modules(@Nullable LinearSlot head, @Nullable Embedding embedding) {
    return new Modules(
        slots,
        head,
        config.tieWordEmbeddings(),
        embedding,
        config.embeddingModule(),
        norms,
        head == null ? null : score);
  }

  /// The place of a score head.
  public ScoreHead score() {
    return score;
  }
}
