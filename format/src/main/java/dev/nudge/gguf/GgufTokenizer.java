package dev.nudge.gguf;

import dev.nudge.python.PythonJson;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/// Derives `tokenizer.json`, `tokenizer_config.json` and `generation_config.json` from the metadata
/// of a GGUF file, so that it tokenises as llama.cpp does.
///
/// For byte-level BPE (`gpt2`) the file has the merges, and the name of a pre-tokenizer
/// ([GgufPreTokenizer]). SentencePiece BPE (`llama`) has a score for each token: its merges are all
/// pairs of normal tokens whose concatenation is a normal token, the highest score first.
final class GgufTokenizer {
  private static final String SPACE = "\u2581";
  private static final Set<String> KEEP_SPACE = Set.of("<unk>", "<s>", "<|endoftext|>");
  private static final String TEMPLATE = "tokenizer.chat_template";

  private final GgufMetadata data;
  private final GgufTokens tokens;

  private GgufTokenizer(GgufMetadata data) {
    this.data = data;
    this.tokens = GgufTokens.of(data);
  }

  /// Returns the text of `tokenizer.json`.
  static String tokenizer(GgufMetadata data) {
    return JsonMapper.shared().writeValueAsString(new GgufTokenizer(data).tokenizer());
  }

  /// Returns the text of `tokenizer_config.json`, with the chat template.
  static String config(GgufMetadata data, int positions) {
    return PythonJson.write(new GgufTokenizer(data).config(positions)) + "\n";
  }

  /// Returns the text of `generation_config.json`: the tokens that end an answer.
  static String generation(GgufMetadata data) {
    return PythonJson.write(Map.of("eos_token_id", GgufTokens.of(data).ends())) + "\n";
  }

  /// Makes an object that keeps the order of its keys, so texts are reproducible.
  static Map<String, Object> object(Object... keysAndValues) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < keysAndValues.length; i += 2) {
      object.put((String) keysAndValues[i], keysAndValues[i + 1]);
    }
    return object;
  }

  private Map<String, @Nullable Object> tokenizer() {
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("version", "1.0");
    all.put("truncation", null);
    all.put("padding", null);
    all.put("added_tokens", added());
    if (tokens.isSentencePiece()) {
      boolean prefix = prefixesSpace();
      all.put("normalizer", prefix ? sequence("normalizers", prepend(), spaces()) : spaces());
      all.put("pre_tokenizer", null);
      all.put("post_processor", frame(adds("bos", true), adds("eos", false)));
      all.put("decoder", decoder(prefix));
      all.put("model", model(scored(), false));
    } else {
      GgufPreTokenizer pre = GgufPreTokenizer.of(data);
      all.put("normalizer", null);
      all.put("pre_tokenizer", pre.json());
      all.put("post_processor", frame(adds("bos", pre.wholeWords()), adds("eos", false)));
      all.put("decoder", byteLevel());
      all.put("model", model(merges(), pre.wholeWords()));
    }
    return all;
  }

  private boolean prefixesSpace() {
    return data.flag(GgufTokens.PREFIX + "add_space_prefix", true);
  }

  private boolean adds(String token, boolean usually) {
    return data.flag(GgufTokens.PREFIX + "add_" + token + "_token", usually);
  }

  private List<Object> added() {
    List<Object> added = new ArrayList<>();
    boolean phi = isPhi();
    for (int id = 0; id < tokens.size(); id++) {
      boolean special =
          switch (tokens.kind(id)) {
            case CONTROL, UNKNOWN -> true;
            case NORMAL, USER, UNUSED, BYTE -> false;
          };
      if (special || tokens.kind(id) == GgufTokens.Kind.USER) {
        added.add(
            object(
                "id",
                id,
                "content",
                tokens.text(id),
                "single_word",
                false,
                "lstrip",
                false,
                "rstrip",
                phi && !KEEP_SPACE.contains(tokens.text(id)),
                "normalized",
                false,
                "special",
                special));
      }
    }
    return added;
  }

  /// Whether spaces after special tokens are dropped: llama.cpp does so if the name contains Phi-3.
  private boolean isPhi() {
    String name = data.text("general.name");
    return name != null && name.toLowerCase(Locale.ROOT).matches("(?s).*phi-?3.*");
  }

  private Map<String, @Nullable Object> model(List<List<String>> merges, boolean wholeWords) {
    boolean pieces = tokens.isSentencePiece();
    Integer unknown = tokens.id(GgufTokens.Named.UNK);
    Map<String, @Nullable Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("dropout", null);
    model.put("unk_token", pieces && unknown != null ? tokens.text(unknown) : null);
    model.put("continuing_subword_prefix", null);
    model.put("end_of_word_suffix", null);
    model.put("fuse_unk", pieces);
    model.put("byte_fallback", pieces);
    model.put("ignore_merges", wholeWords);
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (int id = 0; id < tokens.size(); id++) {
      vocabulary.put(tokens.text(id), id);
    }
    model.put("vocab", vocabulary);
    model.put("merges", merges);
    return model;
  }

  /// Reads the merges of the file, each split at the first space after its first character.
  private List<List<String>> merges() {
    String key = GgufTokens.PREFIX + "merges";
    String[] texts = data.texts(key);
    if (texts == null) {
      throw data.refuse(key + " is missing; byte-level BPE needs it");
    }
    List<List<String>> merges = new ArrayList<>(texts.length);
    for (String text : texts) {
      int space = text.indexOf(' ', 1);
      String left = space < 0 ? "" : text.substring(0, space);
      String right = space < 0 ? "" : text.substring(space + 1);
      if (tokens.id(left) == null || tokens.id(right) == null || tokens.id(left + right) == null) {
        throw data.refuse(
            key + " has " + GgufError.quote(text) + ", whose parts and join are not all tokens");
      }
      merges.add(List.of(left, right));
    }
    return merges;
  }

  /// A pair of tokens, and the id of the token that it merges into.
  private record Pair(String left, String right, int join, double score) {}

  private List<List<String>> scored() {
    String key = GgufTokens.PREFIX + "scores";
    double[] scores = data.numbers(key);
    if (scores == null || scores.length != tokens.size()) {
      throw data.refuse(
          "%s has %s entries; one for each of the %d tokens is needed"
              .formatted(key, scores == null ? "no" : scores.length, tokens.size()));
    }
    List<Pair> pairs = new ArrayList<>();
    for (int id = 0; id < tokens.size(); id++) {
      if (tokens.kind(id) == GgufTokens.Kind.NORMAL) {
        pairs(id, scores[id], pairs);
      }
    }
    pairs.sort(Comparator.comparingDouble((Pair p) -> -p.score).thenComparingInt(Pair::join));
    return pairs.stream().map(p -> List.of(p.left, p.right)).toList();
  }

  private void pairs(int join, double score, List<Pair> pairs) {
    String text = tokens.text(join);
    for (int cut = 0; cut < text.length(); ) {
      cut = text.offsetByCodePoints(cut, 1);
      String left = text.substring(0, cut);
      String right = text.substring(cut);
      if (isNormal(left) && isNormal(right)) {
        pairs.add(new Pair(left, right, join, score));
      }
    }
  }

  private boolean isNormal(String text) {
    Integer id = tokens.id(text);
    return id != null && tokens.kind(id) == GgufTokens.Kind.NORMAL;
  }

  private static Map<String, Object> prepend() {
    return object("type", "Prepend", "prepend", SPACE);
  }

  private static Map<String, Object> spaces() {
    return replace(" ", SPACE);
  }

  private static Map<String, Object> replace(String from, String to) {
    return object("type", "Replace", "pattern", Map.of("String", from), "content", to);
  }

  private static Map<String, Object> sequence(String key, Object... parts) {
    return object("type", "Sequence", key, List.of(parts));
  }

  private static Map<String, Object> decoder(boolean prefix) {
    Object bytes = Map.of("type", "ByteFallback");
    Object fuse = Map.of("type", "Fuse");
    if (!prefix) {
      return sequence("decoders", replace(SPACE, " "), bytes, fuse);
    }
    Object strip = object("type", "Strip", "content", " ", "start", 1, "stop", 0);
    return sequence("decoders", replace(SPACE, " "), bytes, fuse, strip);
  }

  private static Map<String, Object> byteLevel() {
    return object(
        "type", "ByteLevel", "add_prefix_space", true, "trim_offsets", true, "use_regex", true);
  }

  /// Returns the post-processor that adds BOS before a text and EOS after it; null: none.
  private @Nullable Map<String, Object> frame(boolean bos, boolean eos) {
    List<Object> one = new ArrayList<>();
    List<Object> two = new ArrayList<>();
    Map<String, Object> special = new LinkedHashMap<>();
    Integer begin = bos ? tokens.id(GgufTokens.Named.BOS) : null;
    Integer end = eos ? tokens.id(GgufTokens.Named.EOS) : null;
    for (String sequence : List.of("A", "B")) {
      int type = two.isEmpty() ? 0 : 1;
      token(begin, type, two, special);
      two.add(Map.of("Sequence", object("id", sequence, "type_id", type)));
      token(end, type, two, special);
      if (type == 0) {
        one.addAll(two);
      }
    }
    if (special.isEmpty()) {
      return null;
    }
    return object(
        "type", "TemplateProcessing", "single", one, "pair", two, "special_tokens", special);
  }

  private void token(@Nullable Integer id, int type, List<Object> to, Map<String, Object> special) {
    if (id != null) {
      String text = tokens.text(id);
      to.add(Map.of("SpecialToken", object("id", text, "type_id", type)));
      special.put(text, object("id", text, "ids", List.of(id), "tokens", List.of(text)));
    }
  }

  private Map<String, @Nullable Object> config(int positions) {
    Map<String, @Nullable Object> config = new LinkedHashMap<>();
    config.put("tokenizer_class", "PreTrainedTokenizerFast");
    config.put("model_max_length", positions);
    config.put("clean_up_tokenization_spaces", false);
    for (GgufTokens.Named token : GgufTokens.Named.values()) {
      Integer id = tokens.id(token);
      if (id != null) {
        config.put(token.lower() + "_token", tokens.text(id));
      }
    }
    Object template = template();
    if (template != null) {
      config.put("chat_template", template);
    }
    return config;
  }

  /// Returns the chat template as text, or several as a list of name and text; null: none.
  private @Nullable Object template() {
    Map<String, String> all = new LinkedHashMap<>();
    String usual = data.text(TEMPLATE);
    if (usual != null) {
      all.put("default", usual);
    }
    for (String key : data.keys()) {
      String text = key.startsWith(TEMPLATE + ".") ? data.text(key) : null;
      if (text != null) {
        all.put(key.substring(TEMPLATE.length() + 1), text);
      }
    }
    if (all.size() == 1 && usual != null) {
      return usual;
    }
    List<Object> list = new ArrayList<>();
    all.forEach((name, text) -> list.add(object("name", name, "template", text)));
    return list.isEmpty() ? null : list;
  }
}
