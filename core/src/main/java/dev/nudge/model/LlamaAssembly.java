package dev.nudge.model;

import dev.nudge.kernel.CausalAttention;
import dev.nudge.machine.Backend;
import dev.nudge.nn.Attention;
import dev.nudge.nn.DecoderLayer;
import dev.nudge.nn.Embedding;
import dev.nudge.nn.Linear;
import dev.nudge.nn.LinearSlot;
import dev.nudge.nn.Mlp;
import dev.nudge.nn.Norm;
import dev.nudge.nn.Parameter;
import dev.nudge.nn.Rotary;
import dev.nudge.nn.Tied;
import dev.nudge.nn.TrainedLinear;
import dev.nudge.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/// Puts a Llama together from its tensors: which name goes where, and nothing else.
final class LlamaAssembly {
  private final ModelConfig config;
  private final WeightSource weights;
  private final Rotary rotary;
  private final CausalAttention.Heads heads;
  private final List<LinearSlot> slots = new ArrayList<>();

  /// @param rotary one for all layers
  LlamaAssembly(ModelConfig config, WeightSource weights, Rotary rotary) {
    this.config = config;
    this.weights = weights;
    this.rotary = rotary;
    this.heads =
        new CausalAttention.Heads(
            config.numAttentionHeads(), config.numKeyValueHeads(), config.headDim());
  }

  /// @param owner closes the weights with the model
  static CausalLm of(
      ModelConfig config, Backend backend, WeightSource weights, AutoCloseable owner) {
    LlamaAssembly a =
        new LlamaAssembly(
            config, weights, new Rotary(config.inverseFrequencies(), backend.compute()));
    Embedding embedding = a.embedding("model.embed_tokens.weight");
    List<DecoderLayer> layers = new ArrayList<>();
    List<List<MemorySegment>> mapped = new ArrayList<>();
    for (int i = 0; i < config.numHiddenLayers(); i++) {
      layers.add(a.layer(i));
      mapped.add(weights.mapped("model.layers." + i + "."));
    }
    Linear head = config.tieWordEmbeddings() ? new Tied(embedding) : a.linear(HEAD, false);
    return new CausalLm(
        config,
        backend,
        new CausalLm.Parts(
            embedding,
            layers,
            a.norm("model.norm"),
            new LinearSlot(HEAD, head),
            a.slots,
            a.rotary,
            mapped,
            owner));
  }

  static final String HEAD = "lm_head";

  /// Puts one layer together; its slots are added to [#slots].
  DecoderLayer layer(int i) {
    String path = "model.layers." + i + ".";
    String attention = path + "self_attn.";
    String mlp = path + "mlp.";
    boolean bias = config.attentionBias();
    return new DecoderLayer(
        norm(path + "input_layernorm"),
        new Attention(
            i,
            heads,
            rotary,
            slot(attention + "q_proj", bias),
            slot(attention + "k_proj", bias),
            slot(attention + "v_proj", bias),
            slot(attention + "o_proj", bias)),
        norm(path + "post_attention_layernorm"),
        new Mlp(
            slot(mlp + "gate_proj", config.mlpBias()),
            slot(mlp + "up_proj", config.mlpBias()),
            slot(mlp + "down_proj", config.mlpBias())));
  }

  /// The slots of the layers made so far, in the checkpoint's order.
  List<LinearSlot> slots() {
    return slots;
  }

  /// The slots of one layer.
  List<LinearSlot> slots(int i) {
    int before = slots.size();
    DecoderLayer ignored = layer(i);
    return slots.subList(before, slots.size());
  }

  private Embedding embedding(String name) {
    Parameter trained = weights.parameter(name);
    return trained == null
        ? new Embedding(weights.tensor(name))
        : new Embedding(trained, padding());
  }

  private int padding() {
    Integer id = config.padTokenId();
    return id == null ? -1 : id;
  }

  /// The norm at a path.
  Norm norm(String path) {
    String name = path + ".weight";
    Parameter trained = weights.parameter(name);
    double eps = config.rmsNormEps();
    return trained == null ? new Norm(row(name), eps) : new Norm(trained, eps);
  }

  private LinearSlot slot(String path, boolean bias) {
    LinearSlot slot = new LinearSlot(path, linear(path, bias));
    slots.add(slot);
    return slot;
  }

  private Linear linear(String path, boolean biased) {
    Linear linear = weights.linear(path, biased ? row(path + ".bias") : null);
    Parameter weight = weights.parameter(path + ".weight");
    Parameter bias = weights.parameter(path + ".bias");
    return weight == null && bias == null ? linear : TrainedLinear.of(linear, weight, bias);
  }

  private Tensor row(String name) {
    Tensor vector = weights.tensor(name);
    return vector.reshaped(1, vector.elements());
  }
}
