package dev.nudge.gguf;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Converts a `tokenizer.json` to metadata of a GGUF file: the inverse of [GgufTokenizer].
///
/// Byte-level BPE becomes `gpt2`, BPE with byte fallback becomes `llama`, where merged tokens have
/// scores in merge order. A tokenizer that llama.cpp would apply differently is refused.
public final class GgufVocabulary {
  private static final String PREFIX = GgufTokens.PREFIX;
  private static final String SPACE = "\u2581";
  private static final String BYTE = "<0x[0-9A-F]{2}>";

  private final Path file;
  private final JsonNode json;
  private final JsonNode model;
  private final String[] texts;
  private final GgufTokens.Kind[] kinds;

  private GgufVocabulary(Path file, JsonNode json, int rows) {
    this.file = file;
    this.json = json;
    this.model = json.path("model");
    this.texts = new String[rows];
    this.kinds = new GgufTokens.Kind[rows];
  }

  /// The ids of special tokens, as the model's files name them.
  ///
  /// @param ends further tokens that end an answer
  public record Ids(
      @Nullable Integer bos, int eos, List<Integer> ends, @Nullable Integer padding) {}

  /// Puts the metadata of a tokenizer.
  ///
  /// @param file the file of `json`, for messages
  /// @param rows rows of the embedding; the list of tokens is padded to this length
  /// @return whether special tokens strip following spaces, which llama.cpp does for models with
  ///     Phi-3 in their names
  /// @throws InputException if llama.cpp does not support the tokenizer
  public static boolean put(GgufPairs pairs, Path file, JsonNode json, int rows, Ids ids) {
    new GgufVocabulary(file, json, rows).put(pairs, ids);
    for (JsonNode token : json.path("added_tokens")) {
      if (token.path("special").asBoolean(false) && token.path("rstrip").asBoolean(false)) {
        return true;
      }
    }
    return false;
  }

  private void put(GgufPairs pairs, Ids ids) {
    if (!model.path("type").asString("BPE").equals("BPE") || !model.path("vocab").isObject()) {
      throw refuse(
          "is a model of type %s; BPE is what GGUF files hold"
              .formatted(GgufError.quote(model.path("type").asString(""))));
    }
    tokens();
    boolean pieces = model.path("byte_fallback").asBoolean(false);
    if (pieces) {
      sentencePiece(pairs);
    } else {
      byteLevel(pairs);
    }
    pairs.texts(PREFIX + "tokens", List.of(texts));
    int[] types = new int[kinds.length];
    for (int id = 0; id < types.length; id++) {
      types[id] = kinds[id].ordinal() + 1;
    }
    pairs.wholes(PREFIX + "token_type", types);
    named(pairs, ids, pieces);
  }

  private void tokens() {
    for (Map.Entry<String, JsonNode> token : model.path("vocab").properties()) {
      set(token.getValue().asInt(-1), token.getKey(), GgufTokens.Kind.NORMAL);
    }
    for (JsonNode token : json.path("added_tokens")) {
      boolean special = token.path("special").asBoolean(false);
      set(
          token.path("id").asInt(-1),
          token.path("content").asString(""),
          special ? GgufTokens.Kind.CONTROL : GgufTokens.Kind.USER);
    }
    Set<String> seen = new HashSet<>();
    for (int id = 0; id < texts.length; id++) {
      if (texts[id] == null) {
        texts[id] = "[PAD" + id + "]";
        kinds[id] = GgufTokens.Kind.UNUSED;
      }
      if (!seen.add(texts[id])) {
        throw refuse("has the token " + GgufError.quote(texts[id]) + " twice; llama.cpp takes one");
      }
    }
  }

  private void set(int id, String text, GgufTokens.Kind kind) {
    if (id < 0 || id >= texts.length) {
      throw refuse(
          "gives the token %s the id %d; the embedding has %d rows"
              .formatted(GgufError.quote(text), id, texts.length));
    }
    texts[id] = text;
    kinds[id] = kind;
  }

  private void byteLevel(GgufPairs pairs) {
    String cut = null;
    boolean digits = false;
    boolean bytes = false;
    for (JsonNode part : flat(json.path("pre_tokenizer"), "pretokenizers")) {
      switch (part.path("type").asString("")) {
        case "Split" -> cut = split(part, cut);
        case "Digits" -> digits = part.path("individual_digits").asBoolean(false);
        case "ByteLevel" -> {
          bytes = part.path("use_regex").asBoolean(true) == (cut == null);
          if (part.path("add_prefix_space").asBoolean(false)) {
            throw refuse("puts a space before a text (add_prefix_space), which llama.cpp does not");
          }
        }
        default -> throw unknown(part);
      }
    }
    for (JsonNode part : flat(json.path("normalizer"), "normalizers")) {
      if (!part.path("type").asString("").equals("NFC")) { // llama.cpp leaves NFC to its caller
        throw refuse("normalises texts by " + part.path("type") + ", which llama.cpp does not");
      }
    }
    boolean whole = model.path("ignore_merges").asBoolean(false);
    GgufPreTokenizer pre = bytes ? GgufPreTokenizer.of(cut, digits, whole) : null;
    if (pre == null || affixed()) {
      throw unknown(json.path("pre_tokenizer"));
    }
    pairs.text(PREFIX + "model", "gpt2");
    pairs.text(PREFIX + "pre", pre.written());
    pairs.texts(PREFIX + "merges", merges().stream().map(m -> m.left() + " " + m.right()).toList());
  }

  private String split(JsonNode part, @Nullable String before) {
    String regex = part.path("pattern").path("Regex").asString(null);
    if (before != null
        || regex == null
        || part.path("invert").asBoolean(false)
        || !part.path("behavior").asString("").equals("Isolated")) {
      throw unknown(part);
    }
    return regex;
  }

  private boolean affixed() {
    return !model.path("continuing_subword_prefix").asString("").isEmpty()
        || !model.path("end_of_word_suffix").asString("").isEmpty();
  }

  private InputException unknown(JsonNode part) {
    return refuse(
        "cuts words in a way that llama.cpp has no name for: " + GgufError.quote(part.toString()));
  }

  private record Merge(String left, String right) {}

  private List<Merge> merges() {
    List<Merge> all = new ArrayList<>();
    for (JsonNode merge : model.path("merges")) {
      String text = merge.asString("");
      int space = text.indexOf(' ', 1);
      boolean pair = merge.isArray();
      String left = pair ? merge.path(0).asString("") : text.substring(0, Math.max(space, 0));
      String right = pair ? merge.path(1).asString("") : text.substring(space + 1);
      if (left.isEmpty() || right.isEmpty()) {
        throw refuse("has the merge " + GgufError.quote(merge.toString()) + " without two parts");
      }
      all.add(new Merge(left, right));
    }
    return all;
  }

  private void sentencePiece(GgufPairs pairs) {
    boolean prefix = false;
    for (JsonNode part : flat(json.path("normalizer"), "normalizers")) {
      switch (part.path("type").asString("")) {
        case "Prepend" -> prefix = part.path("prepend").asString("").equals(SPACE);
        case "Replace" -> {
          String from = part.path("pattern").path("String").asString("");
          if (!from.equals(" ") || !part.path("content").asString("").equals(SPACE)) {
            throw unknown(part);
          }
        }
        default -> throw unknown(part);
      }
    }
    for (JsonNode part : flat(json.path("pre_tokenizer"), "pretokenizers")) {
      switch (part.path("type").asString("")) {
        case "Metaspace" ->
            prefix =
                !part.path("prepend_scheme").asString("always").equals("never")
                    && part.path("add_prefix_space").asBoolean(true);
        case "Split" -> {
          if (!part.path("pattern").path("String").asString("").equals(" ")) {
            throw unknown(part);
          }
        }
        default -> throw unknown(part);
      }
    }
    String unknown = model.path("unk_token").asString("");
    for (int id = 0; id < texts.length; id++) {
      if (texts[id].equals(unknown)) {
        kinds[id] = GgufTokens.Kind.UNKNOWN;
      } else if (texts[id].matches(BYTE) && kinds[id] == GgufTokens.Kind.NORMAL) {
        kinds[id] = GgufTokens.Kind.BYTE;
      } else if (kinds[id] == GgufTokens.Kind.USER) {
        texts[id] = texts[id].replace(SPACE, " ");
      }
    }
    pairs.text(PREFIX + "model", "llama");
    pairs.text(PREFIX + "pre", "default");
    pairs.numbers(PREFIX + "scores", scores());
    pairs.flag(PREFIX + "add_space_prefix", prefix);
  }

  /// Computes scores by which llama.cpp merges in the same order: a token's score is that of the
  /// first merge that makes it. llama.cpp merges every pair that forms a token, so all such pairs
  /// must be listed, and pairs that form the same token must be adjacent.
  private float[] scores() {
    Map<String, Integer> ids = new HashMap<>();
    for (int id = 0; id < texts.length; id++) {
      if (kinds[id] == GgufTokens.Kind.NORMAL) {
        ids.put(texts[id], id);
      }
    }
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Set<Merge> used = new HashSet<>();
    String last = "";
    for (Merge merge : merges()) {
      String join = merge.left + merge.right;
      if (!ids.containsKey(merge.left) || !ids.containsKey(merge.right) || !ids.containsKey(join)) {
        continue;
      }
      used.add(merge);
      if (!join.equals(last) && ranks.putIfAbsent(join, ranks.size()) != null) {
        throw refuse(
            "has merges to %s in several places; llama.cpp gives a token one rank"
                .formatted(GgufError.quote(join)));
      }
      last = join;
    }
    float[] scores = new float[texts.length];
    int pairs = 0;
    for (int id = 0; id < texts.length; id++) {
      boolean normal = kinds[id] == GgufTokens.Kind.NORMAL;
      String text = texts[id];
      scores[id] = normal ? -Objects.requireNonNullElse(ranks.get(text), ranks.size() + id) : 0;
      for (int at = 0; normal && at < text.length(); ) {
        at = text.offsetByCodePoints(at, 1);
        String left = text.substring(0, at);
        pairs += ids.containsKey(left) && ids.containsKey(text.substring(at)) ? 1 : 0;
      }
    }
    if (pairs != used.size()) {
      throw refuse(
          "lists %d merges of the %d pairs whose join is a token; llama.cpp would use them all"
              .formatted(used.size(), pairs));
    }
    return scores;
  }

  private void named(GgufPairs pairs, Ids ids, boolean pieces) {
    Integer before = null;
    Integer behind = null;
    for (JsonNode part : flat(json.path("post_processor"), "processors")) {
      boolean template = part.path("type").asString("").equals("TemplateProcessing");
      boolean text = false;
      for (JsonNode piece : template ? part.path("single") : List.<JsonNode>of()) {
        JsonNode special = piece.path("SpecialToken");
        if (special.isMissingNode()) {
          text = true;
        } else if ((text ? behind : before) != null) {
          throw refuse("puts several tokens at an end of a text; llama.cpp puts one");
        } else if (text) {
          behind = id(special.path("id").asString(""));
        } else {
          before = id(special.path("id").asString(""));
        }
      }
      if (!template && !part.path("type").asString("").equals("ByteLevel")) {
        throw refuse("has the post-processor " + part.path("type") + ", which llama.cpp has not");
      }
    }
    int eos = behind == null ? ids.eos() : behind;
    Integer bos = before == null ? ids.bos() : before;
    pairs.whole(PREFIX + "bos_token_id", bos == null ? eos : bos); // else llama.cpp takes id 11
    pairs.whole(PREFIX + "eos_token_id", eos);
    pairs.flag(PREFIX + "add_bos_token", before != null);
    pairs.flag(PREFIX + "add_eos_token", behind != null);
    for (int id = 0; pieces && id < kinds.length; id++) {
      if (kinds[id] == GgufTokens.Kind.UNKNOWN) {
        pairs.whole(PREFIX + "unknown_token_id", id);
      }
    }
    if (ids.padding() != null) {
      pairs.whole(PREFIX + "padding_token_id", ids.padding());
    }
    List<Integer> more = new ArrayList<>(ids.ends());
    more.removeIf(id -> id == eos || id >= texts.length || GgufTokens.ENDS.contains(texts[id]));
    for (int i = 0; i < Math.min(2, more.size()); i++) {
      pairs.whole(PREFIX + List.of("eot", "eom").get(i) + "_token_id", more.get(i));
    }
  }

  private int id(String text) {
    for (int id = 0; id < texts.length; id++) {
      if (texts[id].equals(text)) {
        return id;
      }
    }
    throw refuse("puts the token " + GgufError.quote(text) + " to a text, which it does not have");
  }

  /// Returns a step of the pipeline, or the steps of a sequence.
  private static List<JsonNode> flat(JsonNode node, String key) {
    List<JsonNode> all = new ArrayList<>();
    if (node.path("type").asString("").equals("Sequence")) {
      node.path(key).forEach(part -> all.addAll(flat(part, key)));
    } else if (node.isObject()) {
      all.add(node);
    }
    return all;
  }

  private InputException refuse(String what) {
    return GgufError.of(file, what);
  }
}
