package dev.nudge.model.family;

import dev.nudge.kernel.HeadLoss;
import dev.nudge.model.rope.RopeParameters;
import dev.nudge.model.rope.Ropes;
import dev.nudge.model.rope.Turning;
import dev.nudge.nn.KvPool;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The architecture of a model, read from its `config.json`.
///
/// Names are those of the file. The [Family] documents how the file is read and the defaults of
/// absent keys. The weight type is not here: each stored tensor has its own.
///
/// @param family names the tensors and assembles the layers
/// @param place where the decoder's tensors are in a multimodal checkpoint
/// @param tieWordEmbeddings whether the output head is the input embedding
/// @param normOffset is added to norm weights
/// @param embeddingScale factor of the embedding vectors
/// @param logitScale factor of the logits
/// @param logitCap soft cap of the logits; 0: none
/// @param eosTokenIds EOS tokens: those of `config.json`, then those that `generation_config.json`
///     adds; may be empty
/// @param padTokenId the token whose embedding gets no gradient as an input, as in transformers;
///     null: none
/// @param layers of the decoder, the lowest first
public record ModelConfig(
    Family family,
    Place place,
    int hiddenSize,
    int vocabSize,
    int maxPositionEmbeddings,
    double rmsNormEps,
    boolean tieWordEmbeddings,
    double normOffset,
    double embeddingScale,
    double logitScale,
    double logitCap,
    List<Integer> eosTokenIds,
    @Nullable Integer padTokenId,
    List<LayerConfig> layers) {
  public static final String LAYERS = ".layers."; // in the names of a decoder layer's tensors

  /// Prefixes of the decoder's tensors in a checkpoint.
  ///
  /// @param tensors prefix of tensor names in the files
  /// @param modules prefix of module paths, as adapters name them
  /// @param head path of its output head
  public record Place(String tensors, String modules, String head) {
    /// The prefixes of a checkpoint that holds only a text decoder.
    public static final Place ALONE = new Place("model.", "model.", "lm_head");

    Place withHead(String path) {
      return new Place(tensors, modules, path);
    }
  }

  public ModelConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
    layers = List.copyOf(layers);
  }

  /// Typical output widths of matrix products, for trying a backend: backward of the output head,
  /// keys and values, attention output, MLP.
  public int[] widths() {
    var heads = layers.getFirst().attention();
    return new int[] {
      vocabSize, hiddenSize, heads.keyCount() * heads.dim(), hiddenSize, intermediateSize()
    };
  }

  /// A Llama without biases and RoPE scaling, with EOS token 2.
  public static ModelConfig llama(
      int hidden,
      int inner,
      int depth,
      int heads,
      int keyValueHeads,
      int headDim,
      int vocabulary,
      int positions,
      boolean tied,
      double theta) {
    LayerConfig layer =
        LayerConfig.of(heads, keyValueHeads, headDim, inner)
            .withRope(new RopeParameters.Default(theta));
    return new ModelConfig(
        Families.LLAMA,
        Place.ALONE,
        hidden,
        vocabulary,
        positions,
        1e-5,
        tied,
        0,
        1,
        1,
        0,
        List.of(2),
        null,
        Collections.nCopies(depth, layer));
  }

  /// Returns this architecture in other sizes, without a padding token (it may lie outside the new
  /// vocabulary).
  public ModelConfig sized(
      int hidden, int inner, int depth, int heads, int keyValueHeads, int vocabulary) {
    List<LayerConfig> other = new ArrayList<>();
    for (int i = 0; i < depth; i++) {
      other.add(layers.get(i * layers.size() / depth).sized(heads, keyValueHeads, inner));
    }
    return new ModelConfig(
        family,
        place,
        hidden,
        vocabulary,
        maxPositionEmbeddings,
        rmsNormEps,
        tieWordEmbeddings,
        normOffset,
        embeddingScale,
        logitScale,
        logitCap,
        eosTokenIds,
        null,
        other);
  }

  /// Returns this Llama's sizes in the published architecture of another family.
  public ModelConfig in(String modelType) {
    Family other = Objects.requireNonNull(Families.of(modelType), modelType);
    List<LayerConfig> published = layers.stream().map(other::published).toList();
    return with(other, place, published);
  }

  ModelConfig withPlace(Place other) {
    return with(family, other, layers);
  }

  private ModelConfig with(Family otherFamily, Place otherPlace, List<LayerConfig> otherLayers) {
    return new ModelConfig(
        otherFamily,
        otherPlace,
        hiddenSize,
        vocabSize,
        maxPositionEmbeddings,
        rmsNormEps,
        tieWordEmbeddings,
        normOffset,
        embeddingScale,
        logitScale,
        logitCap,
        eosTokenIds,
        padTokenId,
        otherLayers);
  }

  /// @param offset is added to norm weights
  /// @param embedding factor of the embedding vectors
  /// @param logits factor of the logits
  /// @param cap soft cap of the logits; 0: none
  ModelConfig withEnds(double offset, double embedding, double logits, double cap) {
    return new ModelConfig(
        family,
        place,
        hiddenSize,
        vocabSize,
        maxPositionEmbeddings,
        rmsNormEps,
        tieWordEmbeddings,
        offset,
        embedding,
        logits,
        cap,
        eosTokenIds,
        padTokenId,
        layers);
  }

  /// Returns this model with a larger vocabulary, or with an untied output head.
  public ModelConfig withVocabulary(int tokens, boolean tied) {
    return withTokens(tokens, tied, eosTokenIds);
  }

  ModelConfig withTokens(boolean tied, List<Integer> eos) {
    return withTokens(vocabSize, tied, eos);
  }

  private ModelConfig withTokens(int vocabulary, boolean tied, List<Integer> eos) {
    return new ModelConfig(
        family,
        place,
        hiddenSize,
        vocabulary,
        maxPositionEmbeddings,
        rmsNormEps,
        tied,
        normOffset,
        embeddingScale,
        logitScale,
        logitCap,
        eos,
        padTokenId,
        layers);
  }

  /// Reads `config.json` and, if it exists, `generation_config.json` of a model folder.
  ///
  /// @throws InputException if a file is missing or malformed, or the model is not supported
  public static ModelConfig load(Path folder) {
    return Families.load(folder);
  }

  /// The `model_type`s of the family, the default first.
  public List<String> modelTypes() {
    return family.modelTypes();
  }

  public int numHiddenLayers() {
    return layers.size();
  }

  /// Number of layers with attention, which have keys and values.
  public int attentionLayers() {
    return (int) layers.stream().filter(layer -> layer.recurrence() == null).count();
  }

  /// Whether a layer has a state that cannot be cut, so that a sequence is read from its beginning,
  /// in one piece.
  public boolean recurrent() {
    return attentionLayers() < layers.size();
  }

  /// The index of a layer among layers with the same kind of cache: keys and values, or a state.
  public int cacheIndex(int layer) {
    boolean recurrent = layers.get(layer).recurrence() != null;
    return (int)
        layers.subList(0, layer).stream()
            .filter(each -> recurrent == (each.recurrence() != null))
            .count();
  }

  /// The states of a sequence in all recurrent layers.
  public List<KvPool.StateShape> states(Dtype compute) {
    List<KvPool.StateShape> all = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      LayerConfig.Recurrence recurrence = layers.get(i).recurrence();
      if (recurrence != null) {
        all.addAll(recurrence.state(cacheIndex(i), hiddenSize, compute));
      }
    }
    return all;
  }

  /// Intermediate size of the lowest layer's MLP.
  public int intermediateSize() {
    return layers.getFirst().feed().inner();
  }

  /// Query heads of the lowest layer.
  public int numAttentionHeads() {
    return layers.getFirst().attention().count();
  }

  /// Key/value heads of the lowest layer; a divisor of the query heads.
  public int numKeyValueHeads() {
    return layers.getFirst().attention().keyCount();
  }

  /// Dimensions of a head, even; heads · headDim need not be the hidden size.
  public int headDim() {
    return layers.getFirst().attention().dim();
  }

  /// Width of the lowest layer's queries, all heads together.
  public int attentionSize() {
    return layers.getFirst().attention().queryWidth();
  }

  /// Width of the lowest layer's keys, and of its values, all heads together.
  public int keyValueSize() {
    return layers.getFirst().attention().keyWidth();
  }

  /// The tensors of a checkpoint in the order of the model: name → shape; a projection's is (out,
  /// in).
  public Map<String, long[]> tensors() {
    return Listing.of(this);
  }

  /// The names of the weights of all decoder layers' linear layers but routers of experts, in the
  /// order of the model, without `.weight`.
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

  /// The name in [#projections] of the linear layer whose weight is this tensor of [#tensors]; null
  /// for any other tensor.
  public static @Nullable String projection(String name, long[] shape) {
    boolean weight = shape.length == 2 && name.contains(LAYERS) && name.endsWith(".weight");
    return weight && !MoeConfig.isRouter(name)
        ? name.substring(0, name.length() - ".weight".length())
        : null;
  }

  /// The module path, as adapters name it, of a name in [#projections].
  public String module(String projection) {
    return place.modules + projection.substring(place.tensors.length());
  }

  /// The name of a module's weight.
  public String weight(String module) {
    return place.tensors + module.substring(place.modules.length()) + ".weight";
  }

  /// Scale and soft cap of the logits.
  public HeadLoss.Logits logits() {
    return new HeadLoss.Logits(logitScale, logitCap);
  }

  /// The name of the embedding's tensor.
  public String embedding() {
    return place.tensors + "embed_tokens.weight";
  }

  /// The path of the embedding's module, as adapters name it.
  public String embeddingModule() {
    return place.modules + "embed_tokens";
  }

  /// The path of the output head's module, as adapters name it.
  public String headModule() {
    return "lm_head";
  }

  /// The name of the final norm's weight.
  public String norm() {
    return place.tensors + family.finalNorm() + ".weight";
  }

  /// The name of the output head's weight; checkpoints with a tied head lack it.
  public String head() {
    return place.head + ".weight";
  }

  /// The prefix of a layer's tensor names.
  public String layer(int i) {
    return place.tensors + "layers." + i + ".";
  }

  /// Checks that token ids are in the vocabulary.
  ///
  /// @throws InputException naming the first id that is not
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

  /// Whether any layer has experts in the place of a dense MLP.
  public boolean hasExperts() {
    return layers.stream().anyMatch(layer -> layer.feed().mixture() != null);
  }

  /// The experts per token in each layer with experts; 0: no experts.
  public int chosenExperts() {
    return layers.stream()
        .map(layer -> layer.feed().mixture())
        .filter(Objects::nonNull)
        .mapToInt(MoeConfig::chosen)
        .findFirst()
        .orElse(0);
  }

  /// The number of experts of each layer; 0: it is dense.
  public int[] experts() {
    return layers.stream()
        .map(layer -> layer.feed().mixture())
        .mapToInt(mixture -> mixture == null ? 0 : mixture.experts())
        .toArray();
  }

  /// Whether growing from `before` to `after` tokens changes RoPE frequencies (dynamic, longrope),
  /// so that the sequence's KV cache must be recomputed.
  public boolean turnsAnew(int before, int after) {
    return layers.stream().anyMatch(layer -> turnsAnew(layer.turning(), before, after));
  }

  private static boolean turnsAnew(@Nullable Turning turning, int before, int after) {
    return switch (turning == null ? null : turning.rope()) {
      case RopeParameters.Longrope r ->
          before <= r.originalMaxPosition() && after > r.originalMaxPosition();
      case RopeParameters.Dynamic r -> after > r.maxPosition();
      case null, default -> false;
    };
  }

  /// Bytes of the rotary tables for sequences of up to `positions` tokens.
  public long rotaryBytes(int positions, Dtype compute) {
    return Ropes.bytes(layers.stream().map(LayerConfig::turning), positions, compute);
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
