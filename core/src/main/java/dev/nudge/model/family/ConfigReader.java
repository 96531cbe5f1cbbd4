package dev.nudge.model.family;

import dev.nudge.format.ConfigJson;
import dev.nudge.model.family.ModelConfig.Place;
import dev.nudge.model.rope.RopeReader;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Reads the keys of `config.json` that all families share, as transformers 5.24 reads them.
///
/// An absent key takes the default of the transformers class ([Defaults]). Unsupported values that
/// would change the result are refused: another activation, a rope type, a quantisation. Stricter
/// than transformers: `num_attention_heads` must be a multiple of `num_key_value_heads`, a head's
/// size even, sizes positive. More lenient: with `head_dim` given, the hidden size need not be a
/// multiple of the heads (transformers 4 allows it too). [RopeReader] reads the RoPE settings.
final class ConfigReader {
  static final int MOST_SIZE = 1 << 22;
  private static final int MOST_LAYERS = 1 << 14;
  private static final String EOS = "eos_token_id";

  /// Defaults of absent keys in a family.
  ///
  /// @param keyHeads 0: as many as query heads
  /// @param headDim 0: the hidden size over the heads
  record Defaults(
      int hidden,
      int inner,
      int layers,
      int heads,
      int keyHeads,
      int headDim,
      int vocabulary,
      int positions,
      double eps,
      boolean tied,
      double theta,
      List<Integer> eos,
      @Nullable Integer pad) {}

  private final ConfigJson c;
  private final @Nullable ConfigJson generation;
  private final Defaults d;
  private final RopeReader ropes;
  private String eps = "rms_norm_eps";

  ConfigReader(ConfigJson c, @Nullable ConfigJson generation, Defaults defaults) {
    this.c = c;
    this.generation = generation;
    this.d = defaults;
    this.ropes = new RopeReader(c, positions(), defaults.theta());
  }

  /// Reads the norms' epsilon from another key.
  ConfigReader withEps(String key) {
    eps = key;
    return this;
  }

  /// Context length in tokens.
  int positions() {
    return c.whole("max_position_embeddings", d.positions, Integer.MAX_VALUE);
  }

  int hidden() {
    return c.whole("hidden_size", d.hidden, MOST_SIZE);
  }

  int depth() {
    return c.whole("num_hidden_layers", d.layers, MOST_LAYERS);
  }

  /// The RoPE settings.
  RopeReader ropes() {
    return ropes;
  }

  /// Refuses an activation that is not the family's.
  ///
  /// @param key of the activation
  void activation(String key, String known) {
    c.supported(key, c.text(key, known), List.of(known));
  }

  /// A decoder layer as in Llama, without biases and sliding window.
  LayerConfig layer() {
    return unturned().withRope(ropes.whole());
  }

  /// A decoder layer as in Llama whose RoPE is not set yet.
  LayerConfig unturned() {
    int hidden = hidden();
    int heads = c.whole("num_attention_heads", d.heads, MOST_SIZE);
    int keyHeads =
        c.has("num_key_value_heads")
            ? c.whole("num_key_value_heads", 0, MOST_SIZE)
            : c.present("num_key_value_heads") || d.keyHeads == 0 ? heads : d.keyHeads;
    if (heads % keyHeads != 0) {
      throw c.refuse(
          "num_attention_heads " + heads + " is not a multiple of num_key_value_heads " + keyHeads);
    }
    return LayerConfig.of(
        heads, keyHeads, headDim(hidden, heads), c.whole("intermediate_size", d.inner, MOST_SIZE));
  }

  private int headDim(int hidden, int heads) {
    boolean given = c.has("head_dim") || (d.headDim > 0 && !c.present("head_dim"));
    if (!given && hidden % heads != 0) {
      throw c.refuse(
          "hidden_size "
              + hidden
              + " is not a multiple of num_attention_heads "
              + heads
              + ", and head_dim is not given");
    }
    int headDim = given ? c.whole("head_dim", d.headDim, MOST_SIZE) : hidden / heads;
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

  /// The sliding window under `sliding_window`, in tokens.
  ///
  /// @param absent value of an absent key; 0: none
  int window(int absent) {
    return c.has("sliding_window")
        ? c.whole("sliding_window", absent, Integer.MAX_VALUE)
        : c.present("sliding_window") ? 0 : absent;
  }

  /// Which layers have sliding-window attention: by `layer_types`, else by the family's rule.
  boolean[] sliding(IntPredicate derived) {
    return ofType("sliding_attention", "full_attention", derived);
  }

  /// Which layers are of one of the two types: by `layer_types`, else by the family's rule.
  boolean[] ofType(String type, String other, IntPredicate derived) {
    boolean[] chosen = new boolean[depth()];
    if (!c.has("layer_types")) {
      for (int i = 0; i < chosen.length; i++) {
        chosen[i] = derived.test(i);
      }
      return chosen;
    }
    List<String> types = new ArrayList<>();
    for (JsonNode each : c.list("layer_types", chosen.length)) {
      types.add(each.asString(""));
    }
    for (int i = 0; i < chosen.length; i++) {
      c.supported("layer_types", types.get(i), List.of(type, other));
      chosen[i] = types.get(i).equals(type);
    }
    return chosen;
  }

  /// Layers of one kind, some of them with a sliding window.
  ///
  /// @param window in tokens; 0: none, and then no layer may have one
  List<LayerConfig> windowed(LayerConfig layer, boolean[] sliding, int window) {
    return windowed(layer, layer, sliding, window);
  }

  /// Layers of two kinds, one of them with a sliding window.
  ///
  /// @param window in tokens; 0: none, and then no layer may have one
  List<LayerConfig> windowed(LayerConfig whole, LayerConfig local, boolean[] sliding, int window) {
    List<LayerConfig> layers = new ArrayList<>();
    for (boolean slides : sliding) {
      if (slides && window == 0) {
        throw c.refuse("layer_types has sliding_attention, but sliding_window gives no window");
      }
      layers.add(slides ? local.withWindow(window) : whole);
    }
    return layers;
  }

  /// Layers with a recurrence in attention's place, and others with attention.
  List<LayerConfig> recurrent(LayerConfig recurrent, LayerConfig attention, boolean[] which) {
    List<LayerConfig> layers = new ArrayList<>();
    for (boolean recurs : which) {
      layers.add(recurs ? recurrent : attention);
    }
    if (!layers.contains(attention)) {
      throw c.refuse("no layer is full_attention; at least one is needed");
    }
    return layers;
  }

  /// A model whose layers are all alike.
  ModelConfig model(Family family, LayerConfig layer) {
    return model(family, Collections.nCopies(depth(), layer));
  }

  ModelConfig model(Family family, List<LayerConfig> layers) {
    layers.forEach(layer -> ropes.check(layer.turning()));
    return new ModelConfig(
        family,
        Place.ALONE,
        hidden(),
        c.whole("vocab_size", d.vocabulary, MOST_SIZE),
        positions(),
        eps(),
        c.flag("tie_word_embeddings", d.tied),
        0,
        1,
        1,
        0,
        endIds(c, generation),
        padding(),
        layers);
  }

  /// The config of the text decoder of a multimodal model.
  static ConfigJson inner(ConfigJson c) {
    ConfigJson inner = c.object("text_config");
    if (inner == null) {
      throw c.refuse("text_config is missing; it is needed");
    }
    return inner;
  }

  /// The text decoder of a multimodal model, with the EOS ids of both configs.
  static ModelConfig contained(ConfigJson c, ModelConfig text, boolean tied, Place place) {
    return text.withTokens(tied, union(ends(c, List.of()), text.eosTokenIds())).withPlace(place);
  }

  /// The EOS ids of both files; the family's own only if neither names one.
  private List<Integer> endIds(ConfigJson c, @Nullable ConfigJson generation) {
    List<Integer> named = generation == null ? List.of() : ends(generation, List.of());
    return union(ends(c, named.isEmpty() ? d.eos : List.of()), named);
  }

  private double eps() {
    double given = c.number(eps, d.eps);
    if (!(given >= 0 && given < 1)) {
      throw c.refuse(eps + " is " + given + "; 0 to 1 is allowed");
    }
    return given;
  }

  /// The EOS tokens: an id, a list of ids, or null for none. A negative id means none.
  static List<Integer> ends(ConfigJson c, List<Integer> absent) {
    if (!c.present(EOS)) {
      return absent;
    }
    List<Integer> ids = new ArrayList<>();
    JsonNode value = c.node(EOS);
    for (JsonNode id : value.isArray() ? value.values() : List.of(value)) {
      if (!id.isNull() && !id.isInt()) {
        throw c.refuse(
            EOS + " is " + ConfigJson.show(value) + "; a token id or a list of them is needed");
      }
      if (id.isInt() && id.intValue() >= 0 && !ids.contains(id.intValue())) {
        ids.add(id.intValue());
      }
    }
    return ids;
  }

  /// The padding token; as in torch, a negative id counts from the end of the vocabulary.
  private @Nullable Integer padding() {
    if (!c.present("pad_token_id")) {
      return d.pad;
    }
    if (!c.node("pad_token_id").isInt()) {
      return null;
    }
    int id = c.node("pad_token_id").intValue();
    return id < 0 ? id + c.whole("vocab_size", d.vocabulary, MOST_SIZE) : id;
  }

  static List<Integer> union(List<Integer> ids, List<Integer> more) {
    List<Integer> all = new ArrayList<>(ids);
    more.stream().filter(id -> !all.contains(id)).forEach(all::add);
    return all;
  }
}
