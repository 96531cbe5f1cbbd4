package dev.nudge.gguf;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Derives a model's `config.json` from a GGUF header.
///
/// Metadata keys are `A.block_count` and so on, with A the architecture. Values that llama.cpp has
/// as constants are added: Gemma's query scale and its pattern of layers with a sliding window.
final class GgufConfig {
  private static final int MOST = 1 << 22;
  private static final int MOST_LAYERS = 1 << 14;
  private static final String FACTOR = "rope.scaling.factor";

  private final GgufFiles files;
  private final GgufMetadata data;
  private final GgufTokens tokens;
  private final GgufArchitecture a;
  private final int width;
  private final int heads;
  private final int headDim;
  private final int layers;
  private final int positions;

  private GgufConfig(GgufFiles files) {
    this.files = files;
    this.data = files.metadata();
    this.a = files.architecture();
    this.tokens = GgufTokens.of(data);
    this.width = whole("embedding_length", null);
    this.heads = data.alike(key("attention.head_count"), null, 1, MOST);
    this.layers = data.whole(key("block_count"), null, 1, MOST_LAYERS);
    this.positions = data.whole(key("context_length"), null, 1, Integer.MAX_VALUE);
    this.headDim = headDim();
  }

  /// Returns the architecture that a file names.
  ///
  /// @param wanted required content of the file: model or adapter
  /// @throws dev.nudge.settings.InputException if the architecture is unknown
  static GgufArchitecture architecture(GgufMetadata data, String wanted) {
    String kind = data.text("general.type");
    if (kind != null && !kind.equals(wanted)) {
      throw data.refuse(
          "general.type is %s; it must be %s for --%2$s".formatted(GgufError.quote(kind), wanted));
    }
    String name = data.text("general.architecture");
    GgufArchitecture a = name == null ? null : GgufArchitecture.of(name);
    if (a == null) {
      throw data.refuse(
          "general.architecture %s; supported: %s"
              .formatted(
                  name == null ? "is missing" : GgufError.quote(name) + " is not supported",
                  GgufArchitecture.known()));
    }
    return a;
  }

  /// Returns the keys and values of `config.json`.
  static Map<String, @Nullable Object> of(GgufFiles files) {
    return new GgufConfig(files).values();
  }

  private String key(String name) {
    return a.key() + "." + name;
  }

  private int whole(String name, @Nullable Integer absent) {
    return data.alike(key(name), absent, 1, MOST);
  }

  private int headDim() {
    String length = key("attention.key_length");
    if (!data.has(length) && width % heads != 0) {
      throw data.refuse(
          "%s %s is no multiple of %s %s, and %s is not given"
              .formatted(
                  key("embedding_length"), width, key("attention.head_count"), heads, length));
    }
    int keys = whole("attention.key_length", width / heads);
    int values = whole("attention.value_length", keys);
    if (values != keys) {
      throw data.refuse(
          "%s %s and value_length %s differ; equal ones are supported"
              .formatted(length, keys, values));
    }
    return keys;
  }

  private Map<String, @Nullable Object> values() {
    Map<String, @Nullable Object> c = new LinkedHashMap<>();
    c.put("architectures", List.of(a.huggingFaceClass()));
    c.put("model_type", a.modelType());
    c.put("hidden_size", width);
    c.put("intermediate_size", whole("feed_forward_length", null));
    c.put("num_hidden_layers", layers());
    c.put("num_attention_heads", heads);
    c.put("num_key_value_heads", keyHeads());
    c.put("head_dim", headDim);
    c.put("max_position_embeddings", positions);
    c.put("rms_norm_eps", data.number(key("attention.layer_norm_rms_epsilon"), null));
    c.put("vocab_size", tokens.size());
    c.put("tie_word_embeddings", files.find("output.weight") == null);
    c.put("dtype", type());
    for (GgufTokens.Named token : GgufTokens.Named.values()) {
      if (token != GgufTokens.Named.UNK) {
        c.put(token.lower() + "_token_id", tokens.id(token));
      }
    }
    double base = data.number(key("rope.freq_base"), 10000.0);
    boolean lists = files.find(GgufNames.ROPE_LONG) != null;
    if (a == GgufArchitecture.PHI3 ? files.find(GgufNames.ROPE_FREQS) != null : lists) {
      throw data.refuse(
          "holds %s, which is not supported for %s"
              .formatted(lists ? GgufNames.ROPE_LONG : GgufNames.ROPE_FREQS, a.key()));
    }
    switch (a) {
      case LLAMA -> {
        biases(c);
        rope(c, base);
      }
      case GRANITE -> {
        biases(c);
        rope(c, base);
        double usual = 1 / Math.sqrt(headDim);
        c.put("attention_multiplier", multiplier("attention.scale", usual));
        c.put("embedding_multiplier", multiplier("embedding_scale", 1.0));
        c.put("residual_multiplier", multiplier("residual_scale", 1.0));
        c.put("logits_scaling", multiplier("logit_scale", null));
      }
      case SMOLLM3 -> {
        c.put("hidden_act", "silu");
        c.put("no_rope_layer_interval", 4);
        rope(c, base);
      }
      case OLMO2 -> {
        if (window() != null) {
          throw data.refuse(
              key("attention.sliding_window")
                  + " is given, as in OLMo 3; olmo2 is supported without it");
        }
        c.put("hidden_act", "silu");
        rope(c, base);
      }
      case QWEN2, QWEN3 -> {
        c.put("hidden_act", "silu");
        c.put("use_sliding_window", false);
        rope(c, base);
      }
      case PHI3 -> {
        c.put("hidden_act", "silu");
        c.put("sliding_window", window());
        longrope(c, base);
      }
      case GEMMA2 -> {
        gemma(c, 46, 2);
        rope(c, base);
        c.put("attn_logit_softcapping", data.number(key("attn_logit_softcapping"), 50.0));
        c.put("final_logit_softcapping", data.number(key("final_logit_softcapping"), 30.0));
      }
      case GEMMA3 -> {
        whole();
        gemma(c, 62, data.whole(key("attention.sliding_window_pattern"), 6, 1, MOST_LAYERS));
        Map<String, Object> kinds = new LinkedHashMap<>();
        kinds.put("full_attention", turning(base));
        double local = data.number(key("rope.freq_base_swa"), 10000.0);
        kinds.put(
            "sliding_attention", GgufTokenizer.object("rope_type", "default", "rope_theta", local));
        c.put("rope_parameters", kinds);
        String cap = key("final_logit_softcapping");
        c.put("final_logit_softcapping", data.has(cap) ? data.number(cap, null) : null);
      }
    }
    return c;
  }

  private int layers() {
    if (layers > files.tensors().size()) {
      throw data.refuse(
          "%s is %s, but there are %s tensors"
              .formatted(key("block_count"), layers, files.tensors().size()));
    }
    return layers;
  }

  private int keyHeads() {
    int keyHeads = whole("attention.head_count_kv", heads);
    if (heads % keyHeads != 0) {
      throw data.refuse(
          "%s %s is not a multiple of head_count_kv %s"
              .formatted(key("attention.head_count"), heads, keyHeads));
    }
    return keyHeads;
  }

  /// Returns the float type of most elements; quantised ones count as bfloat16.
  private String type() {
    long[] elements = new long[GgufType.values().length];
    for (GgufFiles.Stored stored : files.tensors().values()) {
      GgufTensor tensor = stored.tensor();
      elements[tensor.type().ordinal()] += tensor.shape().stream().reduce(1L, (x, y) -> x * y);
    }
    int most = 0;
    for (int i = 0; i < elements.length; i++) {
      most = elements[i] > elements[most] ? i : most;
    }
    return switch (GgufType.values()[most]) {
      case F32 -> "float32";
      case F16 -> "float16";
      default -> "bfloat16";
    };
  }

  private void biases(Map<String, @Nullable Object> c) {
    c.put("hidden_act", "silu");
    c.put("attention_bias", hasBias("attn_q", "attn_k", "attn_v", "attn_output"));
    c.put("mlp_bias", hasBias("ffn_gate", "ffn_up", "ffn_down"));
  }

  /// Whether any of these parts has a bias; if so, the loader requires one for all.
  private boolean hasBias(String... parts) {
    return Arrays.stream(parts).anyMatch(part -> files.find("blk.0." + part + ".bias") != null);
  }

  /// Returns a factor; 0 means the default, as in llama.cpp.
  private double multiplier(String name, @Nullable Double usual) {
    double factor = data.number(key(name), usual);
    return factor == 0 && usual != null ? usual : factor;
  }

  private @Nullable Integer window() {
    String key = key("attention.sliding_window");
    int usual = a == GgufArchitecture.GEMMA2 ? 4096 : 0;
    int window = data.whole(key, usual, 0, Integer.MAX_VALUE);
    return window == 0 ? null : window;
  }

  /// @param large number of layers of the variant whose query scale is hidden size / heads
  /// @param pattern every `pattern`-th layer has full attention
  private void gemma(Map<String, @Nullable Object> c, int large, int pattern) {
    c.put("hidden_activation", "gelu_pytorch_tanh");
    c.put("query_pre_attn_scalar", layers == large ? (double) width / heads : headDim);
    Integer window = window();
    List<String> types = new ArrayList<>();
    for (int i = 0; i < layers(); i++) {
      boolean full = window == null || (i + 1) % pattern == 0;
      types.add(full ? "full_attention" : "sliding_attention");
    }
    c.put("sliding_window", window);
    c.put("layer_types", types);
  }

  private void rope(Map<String, @Nullable Object> c, double base) {
    whole();
    c.put("rope_theta", base);
    Map<String, Object> turning = turning(base);
    if (!"default".equals(turning.get("rope_type"))) {
      c.put("rope_scaling", turning);
    }
  }

  /// Refuses partial RoPE, which rotates only a part of a head.
  private void whole() {
    int turned = whole("rope.dimension_count", headDim);
    if (turned != headDim) {
      throw data.refuse(
          "%s is %s, heads have %s; for this architecture both have to be equal"
              .formatted(key("rope.dimension_count"), turned, headDim));
    }
  }

  private Map<String, Object> turning(double base) {
    Map<String, Object> rope = new LinkedHashMap<>();
    double[] factors = factors(GgufNames.ROPE_FREQS);
    double usual = data.number(key("rope.scale_linear"), data.number(key(FACTOR), 0.0));
    String type =
        Objects.requireNonNullElse(
            data.text(key("rope.scaling.type")), usual == 0 || usual == 1 ? "none" : "linear");
    boolean scaled = !type.equals("none");
    rope.put("rope_type", "default");
    rope.put("rope_theta", base);
    if (factors != null) {
      if (scaled) {
        throw data.refuse(
            "%s is %s beside %s; one of both is supported"
                .formatted(key("rope.scaling.type"), GgufError.quote(type), GgufNames.ROPE_FREQS));
      }
      rope.putAll(LlamaRope.of(factors, base, positions));
    } else if (scaled) {
      double factor = data.has(key(FACTOR)) ? data.number(key(FACTOR), null) : usual;
      if (!(factor > 0)) {
        throw data.refuse(key(FACTOR) + " is " + factor + "; a number above 0 is needed");
      }
      rope.put("rope_type", type);
      rope.put("factor", factor);
      switch (type) {
        case "linear" -> {}
        case "yarn" -> yarn(rope, factor);
        default ->
            throw data.refuse(
                "%s %s is not supported; supported: none, linear, yarn"
                    .formatted(key("rope.scaling.type"), GgufError.quote(type)));
      }
    }
    return rope;
  }

  private void yarn(Map<String, Object> rope, double factor) {
    String original = key("rope.scaling.original_context_length");
    rope.put(
        "original_max_position_embeddings", data.whole(original, positions, 1, Integer.MAX_VALUE));
    double attention = data.number(key("rope.scaling.attn_factor"), 1.0);
    if (attention != 1) {
      rope.put("attention_factor", attention * (0.1 * Math.log(factor) + 1));
    }
    for (String beta : List.of("beta_fast", "beta_slow")) {
      String key = key("rope.scaling.yarn_" + beta);
      if (data.has(key)) {
        rope.put(beta, data.number(key, null));
      }
    }
  }

  private void longrope(Map<String, @Nullable Object> c, double base) {
    int turned = whole("rope.dimension_count", headDim);
    c.put("partial_rotary_factor", (double) turned / headDim);
    c.put("rope_theta", base);
    double[] many = factors(GgufNames.ROPE_LONG);
    double[] few = factors(GgufNames.ROPE_SHORT);
    String original = key("rope.scaling.original_context_length");
    int before = data.whole(original, positions, 1, Integer.MAX_VALUE);
    c.put("original_max_position_embeddings", before);
    String type = Objects.requireNonNullElse(data.text(key("rope.scaling.type")), "none");
    double factor = data.number(key("rope.scale_linear"), data.number(key(FACTOR), 0.0));
    if (!type.equals("none") && !type.equals("longrope") || factor != 0 && factor != 1) {
      throw data.refuse(
          "has RoPE scaling %s with factor %s; for phi3 none and longrope are supported"
              .formatted(GgufError.quote(type), factor));
    }
    if (many == null && few == null) {
      return;
    }
    if (many == null || few == null) {
      throw data.refuse(
          "holds one of %s and %s; both are needed"
              .formatted(GgufNames.ROPE_LONG, GgufNames.ROPE_SHORT));
    }
    Map<String, Object> rope = new LinkedHashMap<>();
    rope.put("rope_type", "longrope");
    rope.put("type", "longrope");
    rope.put("long_factor", list(many));
    rope.put("short_factor", list(few));
    rope.put("attention_factor", data.number(key("rope.scaling.attn_factor"), 1.0));
    c.put("rope_scaling", rope);
  }

  private static List<Double> list(double[] values) {
    List<Double> list = new ArrayList<>();
    for (double value : values) {
      list.add(value);
    }
    return list;
  }

  /// Returns the numbers of a tensor such as `rope_freqs.weight`; null: absent.
  private double @Nullable [] factors(String name) {
    GgufFiles.Stored stored = files.find(name);
    if (stored == null) {
      return null;
    }
    GgufTensor tensor = stored.tensor();
    if (tensor.type() != GgufType.F32 || tensor.shape().size() != 1) {
      throw data.refuse(
          name + " is " + tensor.type() + " " + tensor.shape() + "; a vector of F32 is needed");
    }
    if (tensor.bytes() > 4L * headDim) {
      throw data.refuse(
          name + " has " + tensor.bytes() / 4 + " numbers; a head of " + headDim + " has fewer");
    }
    double[] all = new double[(int) (tensor.bytes() / 4)];
    for (int i = 0; i < all.length; i++) {
      float value = stored.bytes().get(JAVA_FLOAT_UNALIGNED, 4L * i);
      if (!(value > 0 && value < Float.POSITIVE_INFINITY)) {
        throw data.refuse(name + " holds " + value + "; numbers above 0 are needed");
      }
      all[i] = Double.parseDouble(Float.toString(value));
    }
    return all;
  }
}
