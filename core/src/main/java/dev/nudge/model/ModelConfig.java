package dev.nudge.model;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// The shape of a Llama model, as its `config.json` says it.
///
/// Names are those of the file. How the file is read, and what an absent key means, is told in
/// [ConfigReader]. The type of the weights is not here: each stored tensor has its own.
///
/// @param headDim dimensions of a head, even; heads · headDim need not be the hidden size
/// @param numKeyValueHeads heads of keys and values; a divisor of the attention heads
/// @param tieWordEmbeddings whether the output head is the input embedding
/// @param attentionBias whether q, k, v and o have a bias
/// @param mlpBias whether gate, up and down have a bias
/// @param bosTokenId the first token of a text, null where there is none
/// @param eosTokenIds the tokens that end a text: those of `config.json`, then what
///     `generation_config.json` adds; may be empty
/// @param padTokenId the token whose vector gets no gradient as an input, as in transformers; null
///     where there is none
public record ModelConfig(
    int hiddenSize,
    int intermediateSize,
    int numHiddenLayers,
    int numAttentionHeads,
    int numKeyValueHeads,
    int headDim,
    int vocabSize,
    int maxPositionEmbeddings,
    double rmsNormEps,
    boolean tieWordEmbeddings,
    boolean attentionBias,
    boolean mlpBias,
    RopeParameters rope,
    @Nullable Integer bosTokenId,
    List<Integer> eosTokenIds,
    @Nullable Integer padTokenId) {
  /// Paths of the output head and the embeddings, which carry no adapter.
  public static final List<String> UNTARGETABLE = List.of("lm_head", "model.embed_tokens");

  public ModelConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /// Widths of layers that lie beside each other, to try products of them: the head backwards, keys
  /// and values, the output of as many heads, the MLP.
  public int[] widths() {
    return new int[] {
      vocabSize, hiddenSize, headDim * numKeyValueHeads, hiddenSize, intermediateSize
    };
  }

  /// A shape without a padding token.
  public ModelConfig(
      int hiddenSize,
      int intermediateSize,
      int numHiddenLayers,
      int numAttentionHeads,
      int numKeyValueHeads,
      int headDim,
      int vocabSize,
      int maxPositionEmbeddings,
      double rmsNormEps,
      boolean tieWordEmbeddings,
      boolean attentionBias,
      boolean mlpBias,
      RopeParameters rope,
      @Nullable Integer bosTokenId,
      List<Integer> eosTokenIds) {
    this(
        hiddenSize,
        intermediateSize,
        numHiddenLayers,
        numAttentionHeads,
        numKeyValueHeads,
        headDim,
        vocabSize,
        maxPositionEmbeddings,
        rmsNormEps,
        tieWordEmbeddings,
        attentionBias,
        mlpBias,
        rope,
        bosTokenId,
        eosTokenIds,
        null);
  }

  /// Returns the shape of this kind of model in other sizes; without a padding token, which may lie
  /// beyond the vocabulary.
  public ModelConfig sized(
      int hidden, int inner, int layers, int heads, int keyValueHeads, int vocabulary) {
    return new ModelConfig(
        hidden,
        inner,
        layers,
        heads,
        keyValueHeads,
        headDim,
        vocabulary,
        maxPositionEmbeddings,
        rmsNormEps,
        tieWordEmbeddings,
        attentionBias,
        mlpBias,
        rope,
        bosTokenId,
        eosTokenIds);
  }

  /// Reads `config.json` and, where it exists, `generation_config.json` of a model folder.
  ///
  /// @throws InputException where a file is missing or malformed, or the model is not supported
  public static ModelConfig load(Path folder) {
    return ConfigReader.load(folder);
  }

  /// Width of the queries of all heads together.
  public int attentionSize() {
    return numAttentionHeads * headDim;
  }

  /// Width of the keys, and of the values, of all heads together.
  public int keyValueSize() {
    return numKeyValueHeads * headDim;
  }

  /// The rotary frequencies: headDim/2 float32 numbers.
  public double[] inverseFrequencies() {
    return rope.inverseFrequencies(headDim);
  }

  /// The tensors of a checkpoint of this shape in the order of the model: name → shape, of a
  /// projection (out, in).
  public Map<String, long[]> tensors() {
    Map<String, long[]> all = new LinkedHashMap<>();
    all.put("model.embed_tokens.weight", new long[] {vocabSize, hiddenSize});
    for (int i = 0; i < numHiddenLayers; i++) {
      String layer = "model.layers." + i + ".";
      norm(all, layer + "input_layernorm");
      projection(all, layer + "self_attn.q_proj", attentionSize(), hiddenSize, attentionBias);
      projection(all, layer + "self_attn.k_proj", keyValueSize(), hiddenSize, attentionBias);
      projection(all, layer + "self_attn.v_proj", keyValueSize(), hiddenSize, attentionBias);
      projection(all, layer + "self_attn.o_proj", hiddenSize, attentionSize(), attentionBias);
      norm(all, layer + "post_attention_layernorm");
      projection(all, layer + "mlp.gate_proj", intermediateSize, hiddenSize, mlpBias);
      projection(all, layer + "mlp.up_proj", intermediateSize, hiddenSize, mlpBias);
      projection(all, layer + "mlp.down_proj", hiddenSize, intermediateSize, mlpBias);
    }
    norm(all, "model.norm");
    if (!tieWordEmbeddings) {
      projection(all, "lm_head", vocabSize, hiddenSize, false);
    }
    return all;
  }

  /// The paths of the linear layers of all decoder layers, in the order of the model.
  public List<String> projections() {
    List<String> paths = new ArrayList<>();
    tensors()
        .forEach(
            (name, shape) -> {
              String path = projection(name, shape);
              if (path != null) {
                paths.add(path);
              }
            });
    return paths;
  }

  /// The path of the linear layer of a decoder layer that a tensor is the weight of; null where it
  /// is another tensor.
  static @Nullable String projection(String name, long[] shape) {
    boolean weight =
        shape.length == 2 && name.startsWith("model.layers.") && name.endsWith(".weight");
    return weight ? name.substring(0, name.length() - ".weight".length()) : null;
  }

  private void norm(Map<String, long[]> all, String path) {
    all.put(path + ".weight", new long[] {hiddenSize});
  }

  private static void projection(
      Map<String, long[]> all, String path, int out, int in, boolean bias) {
    all.put(path + ".weight", new long[] {out, in});
    if (bias) {
      all.put(path + ".bias", new long[] {out});
    }
  }

  /// Checks that tokens are of this model's vocabulary.
  ///
  /// @throws InputException naming the first that is not
  public void checkTokens(int[] ids) {
    for (int id : ids) {
      if (id < 0 || id >= vocabSize) {
        throw new InputException(
            "the tokenizer gives token "
                + id
                + ", the model has "
                + vocabSize
                + "; tokenizer.json and config.json do not belong together");
      }
    }
  }

  /// Number of parameters; a tied head counts once.
  public long parameters() {
    long sum = 0;
    for (long[] shape : tensors().values()) {
      long size = 1;
      for (long s : shape) {
        size *= s;
      }
      sum += size;
    }
    return sum;
  }
}
